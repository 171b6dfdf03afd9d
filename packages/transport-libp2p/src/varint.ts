/**
 * Unsigned LEB128 numbers, as libp2p and protobuf write them, read strictly: a padded number (`80 00`) is refused, because two
 * spellings of one length have been used to slip frames past filters.
 */

/** Longest number read or written here, in bytes (28 bits): far above every length limit. */
export const VARINT_BYTES_MAX: number = 4;

export type VarintRead =
  | { readonly ok: true; readonly value: number; readonly next: number }
  /** `more`: the bytes end inside the number. `malformed`: padded or too long. */
  | { readonly ok: false; readonly why: "more" | "malformed" };

/** Reads the number that starts at `offset`. */
export function readVarint(bytes: Uint8Array, offset: number): VarintRead {
  let value = 0;
  for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
    const byte = bytes[offset + index];
    if (byte === undefined) return { ok: false, why: "more" };
    value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) {
      if (index > 0 && byte === 0) return { ok: false, why: "malformed" };
      return { ok: true, value, next: offset + index + 1 };
    }
  }
  return { ok: false, why: "malformed" };
}

/** Writes `value` (0 … 2^28 - 1). */
export function writeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
