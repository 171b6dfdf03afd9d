/** Hex text of hashes, as map keys and row keys use them; core has neither Buffer nor TextDecoder. */
import type { HashHex } from "../ids.ts";

/** Codes of the digits of each byte, two a byte. */
const DIGITS: readonly number[] = Array.from({ length: 512 }, (_, at) =>
  ((at & 1) === 0 ? at >> 5 : (at >> 1) & 15).toString(16).charCodeAt(0),
);
/** As many arguments as any engine takes. */
const CODES_AT_ONCE = 1_024;

/** Made in one piece: text that is put together from pieces keeps them all until it is looked at, a kilobyte for a hash. */
export function toHex(bytes: Uint8Array): HashHex {
  if (bytes.length * 2 > CODES_AT_ONCE)
    return toHex(bytes.subarray(0, CODES_AT_ONCE / 2)) + toHex(bytes.subarray(CODES_AT_ONCE / 2));
  const codes: number[] = [];
  for (const byte of bytes) codes.push(DIGITS[byte * 2] as number, DIGITS[byte * 2 + 1] as number);
  return String.fromCharCode(...codes);
}

const HASH_HEX = /^[0-9a-f]{64}$/;

/** Whether `value` is the text of a SHA-256. */
export function isHashHex(value: unknown): value is HashHex {
  return typeof value === "string" && HASH_HEX.test(value);
}

/** The inverse of {@link toHex}; the caller vouches for the form. */
export function fromHex(text: HashHex): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = nibble(text, i * 2) * 16 + nibble(text, i * 2 + 1);
  return bytes;
}

function nibble(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
}
