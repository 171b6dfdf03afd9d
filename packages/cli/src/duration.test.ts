import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAge, formatDuration, parseDuration } from "./duration.ts";

describe("parseDuration", () => {
  test.each([
    ["100ms", 100],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["2d", 172_800_000],
    ["0s", 0],
  ])("CLI4 reads %s", (text, ms) => {
    expect(parseDuration(text, "--every")).toBe(ms);
  });

  test.each([
    "",
    "s",
    "10",
    "1.5s",
    "-1s",
    "1 s",
    "1w",
    "1h30m",
    "0x10s",
    "1e3s",
    "9".repeat(20) + "s",
  ])("CLI4 refuses %j and says what it wants", (text) => {
    expect(() => parseDuration(text, "--every")).toThrow(
      /--every .* must be a whole number with a unit/,
    );
  });

  test("CLI3 a number without unit is answered with the nearest valid one", () => {
    expect(() => parseDuration("10", "--every")).toThrow("Did you mean 10s?");
  });

  test("CLI4 what formatDuration writes is read back as the same number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 31 * 86_400_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms), "x")).toBe(ms);
      }),
    );
  });
});

test.each([
  [undefined, "-"],
  [null, "-"],
  [-5, "0.0s"],
  [420, "0.4s"],
  [12_000, "12s"],
  [185_000, "3m 05s"],
  [7_800_000, "2h 10m"],
  [443_000_000, "5d 3h"],
])("formatAge of %s is %s", (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});
