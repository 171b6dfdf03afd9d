/** What hearsay does to an address book that is full, and what becomes of hearsay of whoever is a member again (rule CH6). */
import { memberAddressBytes } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { AddressBook, BOOK_MEMBERS_MAX } from "./address-book.ts";
import { MEMBER_ADDRESSES_MAX } from "./address-entry.ts";
import { readAddress } from "./multiaddr-text.ts";
import { WordOfMouth } from "./word-of-mouth.ts";

const address = (index: number, host: string = "127.0.0.1"): string =>
  readAddress(memberAddressBytes(index, host, 7_421))?.text ?? "";
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

test("P6, CH6 addresses that one member makes up push out none that another one told of, however many, before it or after it", () => {
  const liesOf = (first: number): readonly string[] =>
    Array.from({ length: 20 }, (_, index) => address(1, `198.51.100.${first + index}`));
  const book = bookOf(0);
  book.join(node(1));
  for (const text of liesOf(1)) book.learn(text, "hearsay", true, "liar");
  for (const teller of ["b", "c"])
    book.learn(address(1, `192.0.2.${teller === "b" ? 1 : 2}`), "hearsay", true, teller);
  for (const text of liesOf(101)) book.learn(text, "hearsay", true, "liar");
  const kept = book.addressesOf(node(1));
  expect(kept).toHaveLength(MEMBER_ADDRESSES_MAX);
  expect(kept.slice(0, 3)).toEqual([
    address(1, "192.0.2.1"),
    address(1, "192.0.2.2"),
    address(1, "198.51.100.115"),
  ]);
});

test("P6, CH6 who was the first to tell where a member is cannot have that thrown out once another one says it too, also where nobody proves anything", () => {
  for (const liar of ["liar", ""]) {
    const book = bookOf(0);
    book.join(node(1));
    const truth = address(1, "192.0.2.1");
    for (const teller of [liar, "b", liar]) book.learn(truth, "hearsay", false, teller);
    for (let index = 1; index <= 20; index += 1)
      book.learn(address(1, `198.51.100.${index}`), "hearsay", false, liar);
    expect([liar, book.addressesOf(node(1))[0], book.addressesOf(node(1)).length]).toEqual([
      liar,
      truth,
      MEMBER_ADDRESSES_MAX,
    ]);
  }
});

test("P6, CH6 what several say of where a member is gives way to nobody, and of one address each of many the oldest does", () => {
  const book = bookOf(0);
  book.join(node(1));
  const texts = Array.from({ length: 9 }, (_, index) => address(1, `192.0.2.${index + 1}`));
  for (const [index, text] of texts.slice(0, 8).entries())
    book.learn(text, "hearsay", false, `n${index}`);
  book.learn(texts[8] ?? "", "hearsay", false, "n8");
  expect(book.addressesOf(node(1))).toEqual(texts.slice(1));
  for (const text of texts.slice(1)) book.learn(text, "hearsay", false, "b");
  book.learn(texts[0] ?? "", "hearsay", false, "n9");
  expect(book.addressesOf(node(1))).toEqual(texts.slice(1));
});

test("P6, CH6 what a member tells of others in its hello counts as told by that one", () => {
  const book = bookOf(0);
  const dialing = { trust: () => {}, learn: () => {} };
  const word = new WordOfMouth({ book, dialing });
  for (const index of [1, 2, 3]) book.join(node(index));
  const take = (from: number, known: readonly string[]): void =>
    word.take({ told: { known, heard: [] } }, { node: node(from), agent: "t", addresses: [] });
  take(2, [address(1, "192.0.2.1")]);
  take(
    3,
    Array.from({ length: 20 }, (_, index) => address(1, `198.51.100.${index + 1}`)),
  );
  expect(book.addressesOf(node(1))[0]).toBe(address(1, "192.0.2.1"));
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
