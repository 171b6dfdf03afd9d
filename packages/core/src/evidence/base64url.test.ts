import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBase64Url, toBase64Url } from "./base64url.ts";

test("VE10 base64url writes bytes as every other program does, and reads back what it wrote", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = toBase64Url(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64url"));
      expect(fromBase64Url(text)).toEqual(bytes);
    }),
  );
});

test("VE10 base64url has one spelling of the same bytes: what is spelled in another way is refused", () => {
  expect(fromBase64Url("QQ")).toEqual(new Uint8Array([65]));
  for (const other of ["QR", "QQ==", "QQ ", "Q", "Q+", "QQé"])
    expect([other, fromBase64Url(other)]).toEqual([other, undefined]);
});
