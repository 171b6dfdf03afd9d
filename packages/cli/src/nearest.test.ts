import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "./nearest.ts";

test.each([
  ["--lisen", "--listen"],
  ["--lsiten", "--listen"],
  ["--ann", "--announce"],
  ["--HTTP", "--http"],
  ["--frobnicate", undefined],
])("CLI3 nearest flag to %s is %s", (given, wanted) => {
  expect(nearest(given, ["--http", "--listen", "--announce", "--region"])).toBe(wanted);
});

test("editDistance counts a swap of neighbours as one edit", () => {
  expect(editDistance("staus", "status")).toBe(1);
  expect(editDistance("sttaus", "status")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
});

test("editDistance is symmetric, zero only for equals, at most the longer length", () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "-") });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(editDistance(b, a)).toBe(distance);
      expect(distance === 0).toBe(a === b);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
