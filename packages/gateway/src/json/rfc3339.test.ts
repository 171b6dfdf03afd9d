import { describe, expect, test } from "vitest";
import { rfc3339 } from "./rfc3339.ts";

describe("rfc3339", () => {
  test("HT6 a wall time is said in UTC with milliseconds, nothing and no number as null", () => {
    expect(rfc3339(1_800_000_000_123)).toBe("2027-01-15T08:00:00.123Z");
    expect([rfc3339(undefined), rfc3339(Number.NaN)]).toEqual([null, null]);
  });

  test("HT6 a time beyond WALL_MS_MAX, or before the year 0000, as a foreign clock may say it, is the nearest that RFC 3339 can say", () => {
    for (const wallMs of [-62_167_219_200_001, -8.64e15, Number.NEGATIVE_INFINITY])
      expect(rfc3339(wallMs)).toBe("0000-01-01T00:00:00.000Z");
    for (const wallMs of [253_402_300_800_000, 8.64e15, Number.MAX_SAFE_INTEGER])
      expect(rfc3339(wallMs)).toBe("9999-12-31T23:59:59.999Z");
  });
});
