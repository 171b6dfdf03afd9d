import * as codec from "@ipld/dag-cbor";
import { SeededRandom } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { PATCH_BYTES_MAX, STATE_DEPTH_MAX, type Json } from "../json.ts";
import { isSurelyLarger } from "./json-values.ts";

const isTooLarge = (value: Json): boolean =>
  isSurelyLarger(value, PATCH_BYTES_MAX, STATE_DEPTH_MAX);

function randomJson(random: SeededRandom, depth: number): Json {
  const kind = random.integer(depth > 0 ? 6 : 4);
  if (kind === 0) return random.integer(2) === 0 ? null : true;
  if (kind === 1) return random.integer(1_000_000) - 500_000;
  if (kind < 4) return "é".repeat(random.integer(9));
  const items = Array.from({ length: random.integer(6) }, () => randomJson(random, depth - 1));
  return kind === 4 ? items : Object.fromEntries(items.map((item, i) => [`k${i}`, item]));
}

test("HT9 P6 what is larger than PATCH_BYTES_MAX by its fields alone is known without encoding it, and nothing else is said to be", () => {
  const nulls = Array.from({ length: 60_000 }, (_, i) => [`k${i}`, null] as const);
  for (const value of [
    Object.fromEntries(nulls),
    { a: Array.from({ length: 500_000 }, () => 1) },
    { a: "x".repeat(PATCH_BYTES_MAX) },
    { ["x".repeat(PATCH_BYTES_MAX)]: 1 },
  ])
    expect(isTooLarge(value)).toBe(true);
  const random = new SeededRandom(5);
  for (let i = 0; i < 500; i += 1) {
    const value = randomJson(random, 5);
    expect(isSurelyLarger(value, codec.encode(value).length, 5)).toBe(false);
  }
});

test("HT9 P6 to look for its size takes no deep look at a deep value", () => {
  const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`) as Json;
  expect(isTooLarge(deep)).toBe(false);
});
