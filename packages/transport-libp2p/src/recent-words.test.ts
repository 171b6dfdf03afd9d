import { expect, test } from "vitest";
import {
  RECENT_WORD_MS,
  RECENT_WORDS_BYTES_MAX,
  RECENT_WORDS_MAX,
  RecentWords,
} from "./recent-words.ts";

const word = (first: number, length: number = 1): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes[0] = first;
  return bytes;
};
const firsts = (words: readonly Uint8Array[]): readonly (number | undefined)[] =>
  words.map(([first]) => first);

test("AD11 P6 of what was said RECENT_WORDS_MAX messages are kept, the latest, in their order, for RECENT_WORD_MS", () => {
  const words = new RecentWords();
  for (let at = 0; at < RECENT_WORDS_MAX + 3; at += 1) words.add(word(at), at);
  const latest = Array.from({ length: RECENT_WORDS_MAX }, (_, index) => index + 3);
  expect(firsts(words.at(RECENT_WORDS_MAX + 3))).toEqual(latest);
  expect(firsts(words.at(4 + RECENT_WORD_MS))).toEqual(latest.slice(2));
  expect(words.at(60_000)).toEqual([]);
});

test("AD11 P6 they have RECENT_WORDS_BYTES_MAX together", () => {
  const words = new RecentWords();
  for (const first of [1, 2, 3]) words.add(word(first, RECENT_WORDS_BYTES_MAX / 2), 0);
  expect(firsts(words.at(0))).toEqual([2, 3]);
  words.add(word(4), 0);
  expect(firsts(words.at(0))).toEqual([3, 4]);
  words.add(word(5, RECENT_WORDS_BYTES_MAX + 1), 0);
  words.add(word(6), 0);
  expect(firsts(words.at(0))).toEqual([6]);
});

test("AD11 P6 of a frame that a message came in nothing but the message is kept", () => {
  const words = new RecentWords();
  words.add(new Uint8Array(65_536).subarray(100, 142), 0);
  expect(words.at(0).map(({ buffer }) => buffer.byteLength)).toEqual([42]);
});
