/** Who was a member for long, over restarts: what an address book has saved, and takes in again (rule CH6). */
import { memberAddressBytes } from "@pulsemesh/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AddressBook } from "./address-book.ts";
import { AddressSaver } from "./address-saver.ts";
import type { SavedAddresses } from "./address-entry.ts";
import { BRIEF_MEMBERSHIP_MS, FORMER_MEMBERS_MAX } from "./former-members.ts";
import { readAddress } from "./multiaddr-text.ts";

const address = (index: number, host: string = "127.0.0.1"): string =>
  readAddress(memberAddressBytes(index, host, 7_421))?.text ?? "";
const node = (index: number): string => readAddress(memberAddressBytes(index))?.node ?? "";

const thieves = Array.from({ length: FORMER_MEMBERS_MAX }, (_, index) => 1_001 + index);
const [early, late] = [
  [1, 2, 3],
  [11, 12, 13],
];

const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // Nobody reads it.
}

let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
});

const bookOf = (): AddressBook => new AddressBook(node(0), () => nowMs);

function come(book: AddressBook, indexes: readonly number[]): void {
  for (const index of indexes) {
    book.join(node(index));
    book.meet(node(index), [address(index)]);
  }
}

function leave(book: AddressBook, indexes: readonly number[]): void {
  for (const index of indexes) book.leave(node(index));
}

/** One by one, so that there is room for the address of each. */
function comeAndGo(book: AddressBook, indexes: readonly number[]): void {
  for (const index of indexes) {
    come(book, [index]);
    leave(book, [index]);
  }
}

/** The next run of the same node: the roster is read before the file. */
function again(
  { addresses, briefMs }: SavedAddresses,
  roster: readonly number[] = [],
): AddressBook {
  const book = bookOf();
  for (const index of roster) book.join(node(index));
  book.wereBrief(briefMs);
  for (const text of addresses) book.learn(text, "saved");
  return book;
}

const lost = (book: AddressBook, indexes: readonly number[]): readonly number[] =>
  indexes.filter((index) => !book.isToBeFound(node(index)));

test("CH6, ME2 a thief's nodes that came and went before a restart push out nobody behind it who was a member for an hour", () => {
  const all = [...early, ...late];
  for (const hours of [0, 10]) {
    nowMs = 0;
    const first = bookOf();
    come(first, all);
    nowMs += BRIEF_MEMBERSHIP_MS;
    comeAndGo(first, thieves);
    const second = again(first.toSave(), all);
    for (const index of all) second.meet(node(index), [address(index)]);
    nowMs += hours * BRIEF_MEMBERSHIP_MS;
    leave(second, early);
    comeAndGo(second, thieves);
    leave(second, late);
    expect([hours, lost(second, all)]).toEqual([hours, []]);
  }
});

test("CH6, ME2 a thief's nodes that stand in the file push out nobody who was a member for an hour since", () => {
  const first = bookOf();
  comeAndGo(first, thieves);
  const second = again(first.toSave());
  come(second, early);
  nowMs += BRIEF_MEMBERSHIP_MS;
  leave(second, early);
  comeAndGo(second, thieves);
  expect(lost(second, early)).toEqual([]);
});

test("CH6 the time as a member adds up over restarts, and who was one for an hour is it for ever", () => {
  let book = bookOf();
  for (const minutes of [9, 19, 29, 2]) {
    come(book, [1]);
    nowMs += minutes * 60_000;
    leave(book, minutes === 29 ? [1] : []);
    book = again(book.toSave(), minutes === 19 ? [1] : []);
  }
  expect([...book.toSave().briefMs]).toEqual([[node(1), 3_540_000]]);
  come(book, [1]);
  nowMs += 60_000;
  expect(book.toSave().briefMs.size).toBe(0);
  expect(again(book.toSave()).toSave().briefMs.size).toBe(0);
});

test("CH6 of a member that was one for moments in earlier runs, and is one for longer in this, the file says the longer time", () => {
  let book = bookOf();
  come(book, [1]);
  nowMs += 60_000;
  const file = book.toSave();
  book = bookOf();
  come(book, [1]);
  nowMs += 600_000;
  book.wereBrief(file.briefMs);
  book.learn(address(1, "192.0.2.2"), "saved");
  expect([...book.toSave().briefMs]).toEqual([[node(1), 600_000]]);
});

test("CH6 the time as a member adds up of runs of nine minutes each, though the file is written anew every ten minutes at most", async () => {
  vi.useFakeTimers();
  let kept: SavedAddresses = { addresses: [], briefMs: new Map() };
  let saves = 0;
  const store = {
    load: () => Promise.resolve(kept),
    save: (saved: SavedAddresses) => {
      kept = saved;
      saves += 1;
      return Promise.resolve();
    },
  };
  const run = async (minutes: number): Promise<void> => {
    const book = bookOf();
    book.join(node(1));
    const saver = new AddressSaver({ book, store, logger });
    for (const text of await saver.load()) book.learn(text, "saved");
    saver.start();
    if (kept.addresses.length === 0) book.meet(node(1), [address(1)]);
    for (let minute = 0; minute < minutes; minute += 1) {
      nowMs += 60_000;
      await vi.advanceTimersByTimeAsync(60_000);
    }
    await saver.stop();
  };
  for (let count = 1; count <= 6; count += 1) {
    await run(9);
    expect([...kept.briefMs]).toEqual([[node(1), count * 540_000]]);
  }
  saves = 0;
  await run(5);
  // As it begins, and as it is stopped.
  expect(saves).toBeLessThanOrEqual(2);
  await run(1);
  expect([kept.briefMs.size, kept.addresses]).toEqual([0, [address(1)]]);
});

test("CH6 a file that could not be read is not replaced by one of an empty book", async () => {
  vi.useFakeTimers();
  let saves = 0;
  const store = {
    load: () => Promise.reject(new Error("EMFILE")),
    save: () => Promise.resolve(void (saves += 1)),
  };
  const book = bookOf();
  const saver = new AddressSaver({ book, store, logger });
  await saver.load();
  saver.start();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(saves).toBe(0);
  come(book, [1]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(saves).toBe(1);
  leave(book, [1]);
  await saver.stop();
});

test("CH6 who stands in a file of an earlier release, which does not say it, was a member for long", () => {
  const first = bookOf();
  come(first, thieves);
  const addresses = [address(1), ...first.toSave().addresses.slice(1)];
  const second = again({ addresses, briefMs: new Map() });
  expect([second.toSave().briefMs.size, lost(second, [1])]).toEqual([0, []]);
});

test("CH6 who was named by the user is not said to have been a member for a moment", () => {
  const book = bookOf();
  book.learn(address(1), "named");
  come(book, [1, 2]);
  expect([...book.toSave().briefMs.keys()]).toEqual([node(2)]);
});

test("CH6 that members are it for an hour comes to the file though nothing else happens, and is told the book of the next run", async () => {
  vi.useFakeTimers();
  let kept: SavedAddresses = { addresses: [], briefMs: new Map() };
  const store = {
    load: () => Promise.resolve(kept),
    save: (saved: SavedAddresses) => {
      kept = saved;
      return Promise.resolve();
    },
  };
  const book = bookOf();
  const saver = new AddressSaver({ book, store, logger });
  saver.start();
  come(book, [1, 2]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect([...kept.briefMs.values()]).toEqual([0, 0]);
  const next = bookOf();
  const addresses = await new AddressSaver({ book: next, store, logger }).load();
  for (const text of addresses) next.learn(text, "saved");
  expect(next.toSave()).toEqual(kept);
  nowMs += BRIEF_MEMBERSHIP_MS;
  await vi.advanceTimersByTimeAsync(61_000);
  expect(kept.briefMs.size).toBe(0);
  await saver.stop();
});
afterEach(() => void vi.useRealTimers());
