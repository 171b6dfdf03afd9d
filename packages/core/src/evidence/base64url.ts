/** Base64url (RFC 4648, no padding) for bytes in JSON; core has neither Buffer nor btoa. */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(DIGITS, (digit, at) => [digit, at]));

export function toBase64Url(bytes: Uint8Array): string {
  const digits: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const group = (a << 16) | (b << 8) | c;
    const used = Math.min(3, bytes.length - at) + 1;
    for (let i = 0; i < used; i++) digits.push(DIGITS[(group >> (18 - 6 * i)) & 63] ?? "");
  }
  return digits.join("");
}

/** Undefined for anything but the one spelling that {@link toBase64Url} gives: two spellings of the same bytes would be an edit that nobody sees. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [group, bits, at] = [0, 0, 0];
  for (const digit of text) {
    const value = VALUES.get(digit);
    if (value === undefined) return undefined;
    group = ((group << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (group >> bits) & 0xff;
  }
  return (group & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
