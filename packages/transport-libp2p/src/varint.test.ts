import { expect, test } from "vitest";
import { readVarint, VARINT_BYTES_MAX, writeVarint } from "./varint.ts";

test("readVarint reads what writeVarint wrote, at any offset", () => {
  for (const value of [0, 1, 127, 128, 300, 16_383, 16_384, 294_912, 2 ** 28 - 1]) {
    const bytes = Buffer.concat([Uint8Array.of(9, 9), writeVarint(value), Uint8Array.of(7)]);
    expect(readVarint(bytes, 2)).toEqual({ ok: true, value, next: bytes.length - 1 });
  }
});

test("readVarint refuses padded numbers and asks for more at the end of the bytes", () => {
  expect(readVarint(Uint8Array.of(0x80, 0x00), 0)).toEqual({ ok: false, why: "malformed" });
  expect(readVarint(Uint8Array.of(0x81, 0x80, 0x00), 0)).toEqual({ ok: false, why: "malformed" });
  expect(readVarint(Uint8Array.of(0x80), 0)).toEqual({ ok: false, why: "more" });
  expect(readVarint(new Uint8Array(0), 0)).toEqual({ ok: false, why: "more" });
});

test("P6 readVarint refuses numbers longer than VARINT_BYTES_MAX", () => {
  const bytes = new Uint8Array(VARINT_BYTES_MAX + 1).fill(0xff);
  expect(readVarint(bytes, 0)).toEqual({ ok: false, why: "malformed" });
  expect(readVarint(bytes.subarray(0, VARINT_BYTES_MAX - 1), 0)).toEqual({
    ok: false,
    why: "more",
  });
});
