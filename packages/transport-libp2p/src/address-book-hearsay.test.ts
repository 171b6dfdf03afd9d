/** What hearsay does to an address book that is full, and what becomes of hearsay of whoever is a member again (rule CH6). */
import { memberAddressBytes } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { AddressBook, BOOK_MEMBERS_MAX } from "./address-book.ts";
import { readAddress } from "./multiaddr-text.ts";

const address = (index: number): string =>
  readAddress(memberAddressBytes(index, "127.0.0.1", 7_421))?.text ?? "";
const node = (index: number): string => readAddress(memberAddressBytes(index))?.node ?? "";
const bookOf = (self: number): AddressBook => new AddressBook(node(self), () => 0);

test("P6, CH6 hearsay of others pushes out no member of the roster, be it known by hearsay alone, and hearsay of members none that was met", () => {
  const members = Array.from({ length: 40 }, (_, index) => 1 + index);
  const bookOfMembers = (): AddressBook => {
    const book = bookOf(0);
    for (const index of members) {
      book.join(node(index));
      book.learn(address(index), "hearsay", true);
    }
    return book;
  };
  const gone = (book: AddressBook): readonly number[] =>
    members.filter((index) => !book.has(node(index)));
  const junk = bookOfMembers();
  for (let index = 2_001; index <= 2_000 + BOOK_MEMBERS_MAX; index += 1)
    expect(junk.learn(address(index), "hearsay", true)).toBe(true);
  junk.join(node(41));
  expect(junk.learn(address(41), "hearsay")).toBe(true);
  expect([gone(junk), junk.nodes().length]).toEqual([[], BOOK_MEMBERS_MAX]);
  // In a book that is full of members that were met nothing else has room.
  const full = bookOfMembers();
  for (let index = 2_001; index <= 2_000 + BOOK_MEMBERS_MAX - members.length; index += 1) {
    full.join(node(index));
    full.meet(node(index), [address(index)]);
  }
  expect(full.learn(address(9_000), "hearsay", true)).toBe(false);
  expect(gone(full)).toEqual([]);
  // The roster may be larger than the book: of its members hearsay is the first to go, what was heard of least lately before the rest.
  full.join(node(9_001));
  expect(full.learn(address(9_001), "hearsay")).toBe(true);
  full.join(node(9_002));
  full.meet(node(9_002), [address(9_002)]);
  expect(gone(full)).toEqual([1, 2]);
});

test("P6, CH6 a former member that is known by hearsay alone pushes out no member that was met as it comes back", () => {
  const book = bookOf(0);
  book.join(node(1));
  book.leave(node(1));
  book.learn(address(1), "hearsay");
  for (let index = 2_001; index <= 2_000 + BOOK_MEMBERS_MAX; index += 1) {
    book.join(node(index));
    book.meet(node(index), [address(index)]);
  }
  book.join(node(1));
  expect([book.has(node(1)), book.has(node(2_001))]).toEqual([false, true]);
});

test("CH6 who could not be dialled as it left, and was heard of since, can be dialled once it is a member again", () => {
  const book = bookOf(0);
  book.join(node(1));
  book.leave(node(1));
  book.learn(address(1), "hearsay");
  book.join(node(1));
  expect([book.nodes(), book.addressesOf(node(1))]).toEqual([[node(1)], [address(1)]]);
});
