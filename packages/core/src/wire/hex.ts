/** Hex text of hashes, as map keys and row keys use them; core has neither Buffer nor TextDecoder. */
import type { HashHex } from "../ids.ts";

const BYTE_TO_HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

export function toHex(bytes: Uint8Array): HashHex {
  let text = "";
  for (const byte of bytes) text += BYTE_TO_HEX[byte];
  return text;
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
