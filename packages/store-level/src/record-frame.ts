/**
 * How one value lies on disk: `[version 1][CRC-32, big endian][value]`. LevelDB's own checksums are not verified on read and do
 * not say which row was hit; this frame does. The checksum covers the key too, so a value that turns up under another key (a
 * flipped bit in the key, a mixed-up block) is as corrupt as a changed one.
 */
import { crc32 } from "node:zlib";

/** Version of the frame that this code writes; a row with a higher one was written by a newer release. */
export const FRAME_VERSION: number = 1;
/** Bytes that the frame adds to each value. */
export const FRAME_HEADER_BYTES: number = 5;

export type FrameResult =
  | { readonly ok: true; readonly value: Uint8Array }
  | { readonly ok: false; readonly reason: "frame-short" | "frame-version" | "checksum" };

/** The bytes to store for a value under a key. */
export function frameValue(key: string, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + value.length);
  bytes[0] = FRAME_VERSION;
  new DataView(bytes.buffer).setUint32(1, checksum(key, value));
  bytes.set(value, FRAME_HEADER_BYTES);
  return bytes;
}

/** The value back out of stored bytes, or why they are corrupt. The value is a view, not a copy. */
export function unframeValue(key: string, bytes: Uint8Array): FrameResult {
  if (bytes.length < FRAME_HEADER_BYTES) return { ok: false, reason: "frame-short" };
  if (bytes[0] !== FRAME_VERSION) return { ok: false, reason: "frame-version" };
  // LevelDB hands out Buffers; callers get the plain array that they were promised.
  const value = new Uint8Array(
    bytes.buffer,
    bytes.byteOffset + FRAME_HEADER_BYTES,
    bytes.length - FRAME_HEADER_BYTES,
  );
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  return stored === checksum(key, value) ? { ok: true, value } : { ok: false, reason: "checksum" };
}

function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}
