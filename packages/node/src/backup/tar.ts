/**
 * The little of tar (POSIX ustar) that a backup needs: plain files one after the other, in blocks of 512 bytes, so that `tar tf` lists a
 * backup and `tar xf` takes it apart without this program. Eighty lines, where the library for it brings six packages (ADR 0020).
 */

/** Everything in a tar file is a multiple of this. */
export const BLOCK_BYTES = 512;
/** Two empty blocks end the file. */
export const TAIL_BYTES: number = 2 * BLOCK_BYTES;

export interface TarEntry {
  /** At most 100 characters of ASCII. */
  readonly name: string;
  readonly bytes: number;
}

/** The header of one file that only its owner may read. */
export function encodeTarHeader({ name, bytes }: TarEntry, wallMs: number): Uint8Array {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number): void => {
    header.set(new TextEncoder().encode(text), at);
  };
  put(name, 0);
  put("0000600\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${octal(bytes, 11)}\0`, 124);
  put(`${octal(Math.floor(wallMs / 1_000), 11)}\0`, 136);
  put("0", 156);
  put("ustar\u000000", 257);
  put(`${octal(sumOf(header), 6)}\0 `, 148);
  return header;
}

/** Undefined for a block that is no header as {@link encodeTarHeader} makes it. */
export function decodeTarHeader(header: Uint8Array): TarEntry | undefined {
  const sum = numberAt(header, 148, 6);
  const bytes = numberAt(header, 124, 11);
  if (sum !== sumOf(header) || bytes === undefined) return undefined;
  const name = textAt(header, 0, 100);
  const isOurs = textAt(header, 257, 6) === "ustar" && textAt(header, 156, 1) === "0";
  return isOurs && name !== "" ? { name, bytes } : undefined;
}

/** Zeros after a file of so many bytes. */
export function paddingOf(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** Of all bytes, those of the sum itself counted as spaces. */
function sumOf(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

function textAt(header: Uint8Array, at: number, length: number): string {
  const text = new TextDecoder("latin1").decode(header.subarray(at, at + length));
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

function numberAt(header: Uint8Array, at: number, digits: number): number | undefined {
  const text = textAt(header, at, digits);
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}
