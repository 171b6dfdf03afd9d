/** Base58 as Bitcoin writes it: the text form of peer ids. Short inputs only; the cost is quadratic. */

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const DIGITS: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (digit, i) => [digit, i]));

/** Longest text or byte string that is converted. */
export const BASE58_LENGTH_MAX: number = 128;

/** @throws RangeError beyond {@link BASE58_LENGTH_MAX} bytes */
export function encodeBase58(bytes: Uint8Array): string {
  if (bytes.length > BASE58_LENGTH_MAX)
    throw new RangeError(`Cannot encode ${bytes.length} bytes as base58.`);
  const digits: number[] = [];
  for (const byte of bytes) {
    let carry = byte;
    for (let i = 0; i < digits.length; i++) {
      carry += (digits[i] ?? 0) * 256;
      digits[i] = carry % 58;
      carry = Math.floor(carry / 58);
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58);
  }
  const zeros = leading(bytes, (byte) => byte === 0);
  return (
    "1".repeat(zeros) +
    digits
      .toReversed()
      .map((digit) => ALPHABET[digit])
      .join("")
  );
}

/** Undefined for anything that is not base58 or too long. */
export function decodeBase58(text: string): Uint8Array | undefined {
  if (text.length > BASE58_LENGTH_MAX) return undefined;
  const bytes: number[] = [];
  for (const character of text) {
    let carry = DIGITS.get(character);
    if (carry === undefined) return undefined;
    for (let i = 0; i < bytes.length; i++) {
      carry += (bytes[i] ?? 0) * 58;
      bytes[i] = carry & 0xff;
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff);
  }
  const zeros = leading(text, (character) => character === "1");
  return new Uint8Array([...Array.from({ length: zeros }, () => 0), ...bytes.reverse()]);
}

function leading<T>(items: Iterable<T>, matches: (item: T) => boolean): number {
  let count = 0;
  for (const item of items) {
    if (!matches(item)) break;
    count += 1;
  }
  return count;
}
