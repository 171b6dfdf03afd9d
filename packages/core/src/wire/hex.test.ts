import { expect, test } from "vitest";
import { fromHex, toHex } from "./hex.ts";

test("SG1 toHex writes each byte as two digits, however many there are, and fromHex reads them", () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  expect(toHex(every)).toBe(Buffer.from(every).toString("hex"));
  for (const length of [0, 1, 32, 511, 512, 513, 5_000]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) & 255);
    expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
    expect(fromHex(toHex(bytes))).toEqual(bytes);
  }
});
