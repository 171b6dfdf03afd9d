import { memberAddressBytes } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { AddressBook, BOOK_MEMBERS_MAX } from "./address-book.ts";
import { MEMBER_ADDRESSES_MAX } from "./address-entry.ts";
import { BRIEF_MEMBERSHIP_MS, FORMER_MEMBERS_MAX } from "./former-members.ts";
import { readAddress } from "./multiaddr-text.ts";

function address(index: number, host = "127.0.0.1", port = 7_421): string {
  return readAddress(memberAddressBytes(index, host, port))?.text ?? "";
}

function node(index: number): string {
  return readAddress(memberAddressBytes(index))?.node ?? "";
}

function bookOf(self: number): AddressBook {
  return new AddressBook(node(self), () => 0);
}

test("CH6 what a member says of itself comes first and replaces its former word, what the user said stays", () => {
  const book = bookOf(0);
  book.learn(address(1, "192.0.2.1"), "named");
  book.learn(address(1, "192.0.2.2"), "hearsay");
  book.join(node(1));
  book.meet(node(1), [address(1, "192.0.2.3"), address(2, "192.0.2.4")]);
  expect(book.addressesOf(node(1))).toEqual([address(1, "192.0.2.3"), address(1, "192.0.2.1")]);
  book.meet(node(1), [address(1, "192.0.2.5")]);
  expect(book.addressesOf(node(1))).toEqual([address(1, "192.0.2.5"), address(1, "192.0.2.1")]);
  expect(book.nodes()).toEqual([node(1)]);
});

test("CH6 own addresses and malformed ones are not learned", () => {
  const book = bookOf(0);
  expect(book.learn(address(0), "named")).toBe(false);
  expect(book.learn("/ip4/1.2.3.4/tcp/1", "named")).toBe(false);
  expect(book.nodes()).toEqual([]);
  expect(book.revision).toBe(0);
});

test("CH6 members that were met are passed on, and those vouched for, one address each, never the asker", () => {
  const book = bookOf(0);
  for (let index = 1; index <= 5; index += 1) book.learn(address(index), "hearsay");
  expect(book.sample(64, node(9), () => 0)).toEqual({ met: [], vouched: [] });
  for (let index = 1; index <= 4; index += 1) {
    book.join(node(index));
    book.meet(node(index), [address(index), address(index, "192.0.2.1")]);
  }
  book.learn(address(5), "hearsay", true);
  book.learn(address(6), "hearsay", false);
  const told = book.sample(64, node(2), () => 0.5);
  expect(told.met.toSorted()).toEqual([1, 3, 4].map((index) => address(index)).toSorted());
  expect(told.vouched).toEqual([address(5)]);
  const drawn = new Set<string>();
  for (let draw = 0; draw < 64; draw += 1) {
    const { met, vouched } = book.sample(2, node(9), () => ((draw * 7) % 64) / 64);
    expect(new Set([...met, ...vouched]).size).toBe(2);
    for (const text of [...met, ...vouched]) drawn.add(text);
  }
  expect(drawn.size).toBe(5);
});

test("CH6 what is hearsay alone can be dropped, members that were met, nodes that the user named and former members cannot", () => {
  const book = bookOf(0);
  book.learn(address(1), "hearsay");
  book.learn(address(2), "named");
  for (const index of [3, 4, 5]) book.join(node(index));
  book.learn(address(3), "hearsay");
  book.meet(node(3), [address(3)]);
  book.learn(address(4), "hearsay");
  book.learn(address(5), "saved");
  book.learn(address(6), "saved");
  const all = [1, 2, 3, 4, 5, 6];
  expect(all.map((index) => book.standingOf(node(index)))).toEqual([
    "hearsay",
    "sure",
    "sure",
    "hearsay",
    "sure",
    "former",
  ]);
  expect(all.map((index) => book.drop(node(index)))).toEqual([
    true,
    false,
    false,
    true,
    false,
    false,
  ]);
  expect(book.toSave().addresses).toEqual([
    address(3),
    address(6),
    ...[address(2), address(5)].toSorted(),
  ]);
});

test("CH6 a member that was met takes no more hearsay", () => {
  const book = bookOf(0);
  book.join(node(1));
  book.meet(node(1), [address(1)]);
  book.learn(address(1, "203.0.113.9"), "hearsay");
  expect(book.addressesOf(node(1))).toEqual([address(1)]);
});

test("CH6, ME2 who was saved is sought like a member until one was met, stays to be found and in the file from then on, and is looked for at leisure", () => {
  const changed: string[] = [];
  const book = new AddressBook(
    node(0),
    () => 0,
    (each) => void changed.push(each),
  );
  for (const index of [1, 2]) book.learn(address(index), "saved");
  book.learn(address(3), "named");
  book.learn(address(4), "hearsay");
  const standings = (): readonly string[] =>
    [1, 2, 3, 4].map((index) => book.standingOf(node(index)));
  expect(standings()).toEqual(["sought", "sought", "sure", "hearsay"]);
  expect([1, 4].map((index) => book.drop(node(index)))).toEqual([false, true]);
  expect(book.toSave().addresses).toEqual([1, 2, 3].map((index) => address(index)));
  // Whoever answers at an address that the user named is no member yet, and may never be one.
  book.meet(node(3), [address(3)]);
  expect([book.standingOf(node(1)), changed]).toEqual(["sought", []]);
  for (const index of [2, 3]) book.join(node(index));
  book.meet(node(3), []);
  expect(changed).toEqual([node(1)]);
  expect(standings()).toEqual(["former", "sure", "sure", "hearsay"]);
  expect([book.isToBeFound(node(1)), book.drop(node(1))]).toEqual([true, false]);
  expect(book.toSave().addresses).toEqual([address(1), ...[address(2), address(3)].toSorted()]);
});

test("P6 CH6 nodes that are no members are not kept when they are met, nor told of, nor saved", () => {
  const book = bookOf(0);
  book.meet(node(1), [address(1)]);
  book.learn(address(2), "hearsay");
  expect(book.nodes()).toEqual([node(2)]);
  expect(book.toSave().addresses).toEqual([]);
  expect(book.sample(64, node(9), () => 0)).toEqual({ met: [], vouched: [] });
  book.join(node(1));
  book.meet(node(1), [address(1)]);
  expect(book.toSave().addresses).toEqual([address(1)]);
});

test("VE9, CH6, ME2 who left stays to be found where it was, at leisure, and nobody is told of it", () => {
  const book = bookOf(0);
  for (const index of [1, 2, 4]) {
    book.join(node(index));
    book.meet(node(index), [address(index)]);
  }
  book.learn(address(2, "192.0.2.2"), "named");
  for (const index of [1, 2, 3]) book.leave(node(index));
  expect(book.nodes()).toEqual([2, 4].map(node).toSorted());
  expect([1, 2].map((index) => book.standingOf(node(index)))).toEqual(["former", "sure"]);
  expect([book.isTrusted(node(1)), book.isToBeFound(node(1))]).toEqual([false, true]);
  expect([book.addressesOf(node(1)), book.toSave().addresses.includes(address(1))]).toEqual([
    [address(1)],
    true,
  ]);
  book.learn(address(1, "192.0.2.1"), "hearsay", true);
  expect(book.addressesOf(node(1))).toEqual([address(1), address(1, "192.0.2.1")]);
  const { met, vouched } = book.sample(64, node(9), () => 0);
  expect([...met, ...vouched]).not.toContain(address(1));
  book.join(node(1));
  expect([book.standingOf(node(1)), book.nodes().includes(node(1))]).toEqual(["sure", true]);
});

test("CH6, ME2 once everybody has left, as a thief's row can have it, all are sought like members, also who can be dialled nowhere is to be found", () => {
  const changed: string[] = [];
  const book = new AddressBook(
    node(0),
    () => 0,
    (each) => void changed.push(each),
  );
  for (const index of [1, 2, 3]) book.join(node(index));
  for (const index of [1, 2]) book.meet(node(index), [address(index)]);
  book.leave(node(1));
  expect([book.standingOf(node(1)), changed]).toEqual(["former", []]);
  for (const index of [2, 3]) book.leave(node(index));
  expect(changed).toEqual([1, 2, 3].map(node));
  expect([1, 2].map((index) => book.standingOf(node(index)))).toEqual(["sought", "sought"]);
  expect([1, 2, 3].map((index) => book.isToBeFound(node(index)))).toEqual([true, true, true]);
  expect([1, 2, 3].map((index) => book.has(node(index)))).toEqual([true, true, false]);
  expect(book.toSave().addresses).toEqual([address(1), address(2)]);
  for (const index of [1, 2, 3]) book.join(node(index));
  book.meet(node(1), [address(1)]);
  expect(book.toSave().addresses).toEqual([address(1), address(2)].toSorted());
});

test("P6, CH6 at most FORMER_MEMBERS_MAX former members, of whom the one that left first makes room, here and over a restart, whatever else is in the book", () => {
  const forgotten: string[] = [];
  const book = new AddressBook(
    node(0),
    () => 0,
    (each) => void forgotten.push(each),
  );
  const count = BOOK_MEMBERS_MAX;
  for (let index = 1; index <= count; index += 1) {
    book.join(node(index));
    book.meet(node(index), [address(index)]);
  }
  book.join(node(5_000));
  for (let index = 1; index <= count; index += 1) book.leave(node(index));
  for (let index = 2_001; index <= 2_000 + BOOK_MEMBERS_MAX; index += 1)
    expect(book.learn(address(index), "hearsay")).toBe(true);
  book.meet(node(5_000), [address(5_000)]);
  expect(forgotten).toEqual([node(2_001)]);
  expect(FORMER_MEMBERS_MAX).toBe(count);
  book.leave(node(5_000));
  expect(forgotten.slice(0, 2)).toEqual([2_001, 1].map(node));
  expect([1, 2, 5_000].map((index) => book.isToBeFound(node(index)))).toEqual([false, true, true]);
  expect(book.toSave().addresses).toHaveLength(FORMER_MEMBERS_MAX);
  const again = bookOf(0);
  for (const text of [...book.toSave().addresses, address(6_000)]) again.learn(text, "saved");
  expect([2, 3, 6_000].map((index) => again.isToBeFound(node(index)))).toEqual([false, true, true]);
});

describe("in a full book, whom a thief has join, met and leave by the hundred", () => {
  const thieves = Array.from({ length: BOOK_MEMBERS_MAX }, (_, index) => 1_001 + index);

  /** A book with a member that also stands in the file, two that have been members for an hour, and the thief's nodes for nearly as long. */
  function flooded(): { readonly book: AddressBook; readonly forgotten: Set<string> } {
    let nowMs = 0;
    const forgotten = new Set<string>();
    const book = new AddressBook(
      node(0),
      () => nowMs,
      (each) => void forgotten.add(each),
    );
    const join = (index: number): void => {
      book.join(node(index));
      book.meet(node(index), index === 3 || index === 1_500 ? [] : [address(index)]);
    };
    for (const index of [2, 3]) join(index);
    nowMs += BRIEF_MEMBERSHIP_MS;
    book.learn(address(1), "saved");
    join(1);
    forgotten.clear();
    for (const index of thieves) join(index);
    nowMs += BRIEF_MEMBERSHIP_MS - 1;
    return { book, forgotten };
  }

  const told = (...indexes: readonly number[]): Set<string> => new Set(indexes.map(node));

  test("CH6, ME2 pushes out nobody who has been a member for an hour, while they are members", () => {
    const { book, forgotten } = flooded();
    expect(forgotten).toEqual(told(1_001));
    expect([1, 2, 1_002].map((index) => book.has(node(index)))).toEqual([true, true, true]);
  });

  test("CH6, ME2 pushes out nobody over a restart while they are members", () => {
    const { book } = flooded();
    for (const index of [1, 2]) book.leave(node(index));
    const again = bookOf(0);
    const more = [6_000, 6_001, 6_002].map((index) => address(index));
    for (const text of [...book.toSave().addresses, ...more]) again.learn(text, "saved");
    expect([1, 2].map((index) => again.isToBeFound(node(index)))).toEqual([true, true]);
  });

  test("CH6, ME2 pushes out nobody whose hours as a member add up, nor who stands in the file that is read after the roster", () => {
    let nowMs = 0;
    const book = new AddressBook(node(0), () => nowMs);
    book.join(node(1));
    book.join(node(2));
    book.learn(address(2), "saved");
    book.leave(node(2));
    for (let times = 0; times < 2; times += 1) {
      nowMs += BRIEF_MEMBERSHIP_MS / 2;
      book.leave(node(1));
      book.join(node(1));
    }
    book.leave(node(1));
    for (const index of thieves) {
      book.join(node(index));
      book.meet(node(index), [address(index)]);
      book.leave(node(index));
    }
    expect([1, 2].map((index) => book.isToBeFound(node(index)))).toEqual([true, true]);
  });

  test("CH6, ME2 pushes out nobody who has been a member for an hour, once all have left, here and over a restart", () => {
    const { book, forgotten } = flooded();
    for (const index of [1, 2, 3, ...thieves]) book.leave(node(index));
    // Of those who were members for a moment first who can be dialled nowhere, then who left first; the last of all have nobody else left, and all are sought.
    expect([...forgotten].slice(0, 3)).toEqual([1_001, 1_500, 1_002].map(node));
    expect([1, 2, 3].map((index) => book.isToBeFound(node(index)))).toEqual([true, true, true]);
    // Who comes once more was no member for longer by that.
    book.join(node(1_003));
    book.meet(node(1_003), [address(1_003)]);
    book.leave(node(1_003));
    book.join(node(4));
    book.leave(node(4));
    expect([1, 2, 3, 4].map((index) => book.isToBeFound(node(index)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    const again = bookOf(0);
    for (const text of book.toSave().addresses) again.learn(text, "saved");
    for (let index = 5_000; index < 5_000 + FORMER_MEMBERS_MAX - 2; index += 1)
      again.learn(address(index), "saved");
    expect([1, 2, 1_003].map((index) => again.isToBeFound(node(index)))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

test("P6, CH6 in a book full of made-up hearsay a member that is heard of for the first time pushes out no other member", () => {
  const book = bookOf(0);
  const members = Array.from({ length: 40 }, (_, index) => 1 + index);
  for (const index of members) book.join(node(index));
  for (let index = 1_001; index <= 1_000 + BOOK_MEMBERS_MAX; index += 1)
    book.learn(address(index), "hearsay");
  for (const index of members) book.learn(address(index), "hearsay");
  for (let index = 4_001; index <= 4_020; index += 1) book.learn(address(index), "hearsay");
  expect(members.filter((index) => !book.has(node(index)))).toEqual([]);
});

test("CH6 who was heard of since it left can be dialled, and does not make room like who cannot", () => {
  let nowMs = 0;
  const book = new AddressBook(node(0), () => nowMs);
  const all = Array.from({ length: FORMER_MEMBERS_MAX + 1 }, (_, index) => 1 + index);
  for (const index of all) book.join(node(index));
  nowMs = BRIEF_MEMBERSHIP_MS;
  for (const index of all.slice(0, -1)) book.leave(node(index));
  book.learn(address(1), "hearsay");
  book.leave(node(FORMER_MEMBERS_MAX + 1));
  expect([1, 2].map((index) => book.isToBeFound(node(index)))).toEqual([true, false]);
});

test("CH6 of those who were members for long who can be dialled nowhere makes room first, then who left first", () => {
  let nowMs = 0;
  const book = new AddressBook(node(0), () => nowMs);
  const all = Array.from({ length: FORMER_MEMBERS_MAX }, (_, index) => 1 + index);
  for (const index of [...all, 2_000, 2_001]) book.join(node(index));
  for (const index of all) book.meet(node(index), index === 7 ? [] : [address(index)]);
  nowMs = BRIEF_MEMBERSHIP_MS;
  for (const index of all) book.leave(node(index));
  const gone = (): readonly number[] => all.filter((index) => !book.isToBeFound(node(index)));
  expect(gone()).toEqual([]);
  for (const index of [2_000, 2_001]) {
    book.meet(node(index), [address(index)]);
    book.leave(node(index));
  }
  expect(gone()).toEqual([1, 7]);
});

test("P6 at most MEMBER_ADDRESSES_MAX addresses of one member, the newest of each source", () => {
  const book = bookOf(0);
  for (let port = 1; port <= 20; port += 1) book.learn(address(1, "127.0.0.1", port), "named");
  const kept = book.addressesOf(node(1));
  expect(kept).toHaveLength(MEMBER_ADDRESSES_MAX);
  expect(kept).toContain(address(1, "127.0.0.1", 20));
});

test("P6 at most BOOK_MEMBERS_MAX nodes: the least trusted that was not heard of for longest makes room", () => {
  const forgotten: string[] = [];
  let nowMs = 0;
  const book = new AddressBook(
    node(0),
    () => nowMs,
    (each) => void forgotten.push(each),
  );
  for (let index = 1; index <= BOOK_MEMBERS_MAX; index += 1) {
    if (index !== 7 && index !== 9) book.join(node(index));
    book.learn(address(index), index === 7 || index === 9 ? "hearsay" : "saved");
    book.meet(node(index), [address(index)]);
  }
  expect(book.learn(address(5_000), "hearsay")).toBe(true);
  book.join(node(5_001));
  book.meet(node(5_001), [address(5_001)]);
  expect(forgotten).toEqual([node(7), node(9)]);
  book.meet(node(1), [address(1)]);
  for (const index of [5_002, 5_003]) {
    nowMs += BRIEF_MEMBERSHIP_MS;
    book.join(node(index));
    book.meet(node(index), [address(index)]);
  }
  expect(forgotten).toEqual([7, 9, 5_000, 2].map(node));
  expect(book.learn(address(5_004), "hearsay")).toBe(false);
  expect(book.nodes()).toHaveLength(BOOK_MEMBERS_MAX);
});

test("P6 CH6 more than BOOK_MEMBERS_MAX members that are gone keep no new member out, and nothing keeps out what the user names", () => {
  const book = bookOf(0);
  for (let index = 1; index <= BOOK_MEMBERS_MAX; index += 1) book.learn(address(index), "named");
  expect(book.learn(address(5_000), "hearsay")).toBe(false);
  expect(book.learn(address(5_001), "named")).toBe(true);
  expect(book.has(node(5_001))).toBe(true);
});
