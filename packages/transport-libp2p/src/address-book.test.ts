import { memberAddressBytes } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { AddressBook, BOOK_MEMBERS_MAX, MEMBER_ADDRESSES_MAX } from "./address-book.ts";
import { readAddress } from "./multiaddr-text.ts";

function address(index: number, host = "127.0.0.1", port = 7_421): string {
  return readAddress(memberAddressBytes(index, host, port))?.text ?? "";
}

function node(index: number): string {
  return readAddress(memberAddressBytes(index))?.node ?? "";
}

function bookOf(self: number): AddressBook {
  return new AddressBook(node(self));
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

test("CH6 what is not sure can be dropped, members that were met and nodes that the user named cannot", () => {
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
  expect(all.map((index) => book.isSure(node(index)))).toEqual([
    false,
    true,
    true,
    false,
    true,
    false,
  ]);
  expect(all.map((index) => book.drop(node(index)))).toEqual([
    true,
    false,
    false,
    true,
    false,
    true,
  ]);
  expect(book.toSave()).toEqual([address(2), address(3), address(5)].toSorted());
});

test("CH6 a member that was met takes no more hearsay", () => {
  const book = bookOf(0);
  book.join(node(1));
  book.meet(node(1), [address(1)]);
  book.learn(address(1, "203.0.113.9"), "hearsay");
  expect(book.addressesOf(node(1))).toEqual([address(1)]);
});

test("CH6, ME2 who was saved is sought for ever, and saved again, until a member was met: then the roster says whom to seek", () => {
  const changed: string[] = [];
  const book = new AddressBook(node(0), (each) => void changed.push(each));
  for (const index of [1, 2]) book.learn(address(index), "saved");
  book.learn(address(3), "named");
  book.learn(address(4), "hearsay");
  expect([1, 2, 3, 4].map((index) => book.isSure(node(index)))).toEqual([true, true, true, false]);
  expect([1, 4].map((index) => book.drop(node(index)))).toEqual([false, true]);
  expect(book.toSave()).toEqual([1, 2, 3].map((index) => address(index)).toSorted());
  // Whoever answers at an address that the user named is no member yet, and may never be one.
  book.meet(node(3), [address(3)]);
  expect([book.isSure(node(1)), changed]).toEqual([true, []]);
  for (const index of [2, 3]) book.join(node(index));
  book.meet(node(3), []);
  expect(changed).toEqual([node(1)]);
  expect([1, 2, 3].map((index) => book.isSure(node(index)))).toEqual([false, true, true]);
  expect(book.toSave()).toEqual([2, 3].map((index) => address(index)).toSorted());
  expect(book.drop(node(1))).toBe(true);
});

test("P6 CH6 nodes that are no members are not kept when they are met, nor told of, nor saved", () => {
  const book = bookOf(0);
  book.meet(node(1), [address(1)]);
  book.learn(address(2), "hearsay");
  expect(book.nodes()).toEqual([node(2)]);
  expect(book.toSave()).toEqual([]);
  expect(book.sample(64, node(9), () => 0)).toEqual({ met: [], vouched: [] });
  book.join(node(1));
  book.meet(node(1), [address(1)]);
  expect(book.toSave()).toEqual([address(1)]);
});

test("VE9 CH6 a member that left is forgotten, unless the user named it", () => {
  const book = bookOf(0);
  for (const index of [1, 2]) {
    book.join(node(index));
    book.meet(node(index), [address(index)]);
  }
  book.learn(address(2, "192.0.2.2"), "named");
  for (const index of [1, 2, 3]) book.leave(node(index));
  expect(book.nodes()).toEqual([node(2)]);
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
  const book = new AddressBook(node(0), (each) => void forgotten.push(each));
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
