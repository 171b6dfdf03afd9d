import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBase32 } from "./base32.ts";
import { BASE58_LENGTH_MAX, decodeBase58, encodeBase58 } from "./base58.ts";

describe("base58", () => {
  test("encodes the known answers", () => {
    const text = (ascii: string) => new TextEncoder().encode(ascii);
    expect(encodeBase58(text("Hello World!"))).toBe("2NEpo7TZRRrLZSi2U");
    expect(encodeBase58(new Uint8Array([0, 0, 0x28, 0x7f, 0xb4, 0xcd]))).toBe("11233QC4");
    expect(encodeBase58(new Uint8Array())).toBe("");
  });

  test("decodes what it encodes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeBase58(encodeBase58(bytes));
        return decoded !== undefined && Buffer.compare(decoded, bytes) === 0;
      }),
    );
  });

  test("P6 refuses characters that are none of it, and more than BASE58_LENGTH_MAX", () => {
    for (const text of ["0", "O", "I", "l", "é", "1 1"]) expect(decodeBase58(text)).toBeUndefined();
    expect(decodeBase58("1".repeat(BASE58_LENGTH_MAX))).toHaveLength(BASE58_LENGTH_MAX);
    expect(decodeBase58("1".repeat(BASE58_LENGTH_MAX + 1))).toBeUndefined();
    expect(() => encodeBase58(new Uint8Array(BASE58_LENGTH_MAX + 1))).toThrow(RangeError);
  });
});

test("ME1 base32 encodes the answers of RFC 4648, in lower case and without padding", () => {
  const answers = {
    "": "",
    f: "my",
    fo: "mzxq",
    foo: "mzxw6",
    foob: "mzxw6yq",
    fooba: "mzxw6ytb",
    foobar: "mzxw6ytboi",
  };
  for (const [text, encoded] of Object.entries(answers)) {
    expect(encodeBase32(new TextEncoder().encode(text))).toBe(encoded);
  }
  expect(encodeBase32(new Uint8Array(32))).toHaveLength(52);
});
