/**
 * Length-prefixed frames on a byte stream, cut incrementally. The length is checked before a byte of the body is kept, so
 * a peer can make this node hold at most one frame of the stated limit.
 */
import { readVarint, VARINT_BYTES_MAX, writeVarint } from "./varint.ts";

export type FrameFault = "frame-oversized" | "frame-malformed";

export type FrameRead =
  | { readonly ok: true; readonly frames: readonly Uint8Array[] }
  /** `frames` came whole before the fault; nothing after it may be read. */
  | { readonly ok: false; readonly frames: readonly Uint8Array[]; readonly fault: FrameFault };

const NOTHING: Uint8Array = new Uint8Array(0);

/** The frame of `body`: its length, then itself. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  const length = writeVarint(body.length);
  const frame = new Uint8Array(length.length + body.length);
  frame.set(length, 0);
  frame.set(body, length.length);
  return frame;
}

/** Cuts frames of 1 … `frameBytesMax` bytes out of chunks of any size. */
export class FrameDecoder {
  readonly #frameBytesMax: number;
  #prefix: Uint8Array = NOTHING;
  #body: Uint8Array | undefined;
  #filled = 0;
  #failed: FrameFault | undefined;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Whether a frame has begun and not ended: a peer that stays here is slow. */
  get partial(): boolean {
    return this.#body !== undefined || this.#prefix.length > 0;
  }

  /** Bytes held for the frame under way; never above the limit plus its prefix. */
  get heldBytes(): number {
    return (this.#body?.length ?? 0) + this.#prefix.length;
  }

  /** Takes the next chunk. After a fault every call repeats it. */
  read(chunk: Uint8Array): FrameRead {
    const frames: Uint8Array[] = [];
    let offset = 0;
    while (this.#failed === undefined && offset < chunk.length) {
      offset =
        this.#body === undefined ? this.#readPrefix(chunk, offset) : this.#readBody(chunk, offset);
      if (this.#body !== undefined && this.#filled === this.#body.length) {
        frames.push(this.#body);
        this.#body = undefined;
      }
    }
    return this.#failed === undefined
      ? { ok: true, frames }
      : { ok: false, frames, fault: this.#failed };
  }

  #readPrefix(chunk: Uint8Array, offset: number): number {
    const held = this.#prefix.length;
    const window = new Uint8Array(held + Math.min(VARINT_BYTES_MAX, chunk.length - offset));
    window.set(this.#prefix, 0);
    window.set(chunk.subarray(offset, offset + window.length - held), held);
    const length = readVarint(window, 0);
    if (!length.ok) {
      if (length.why === "malformed") this.#fail("frame-malformed");
      else this.#prefix = window;
      return chunk.length;
    }
    if (length.value === 0) this.#fail("frame-malformed");
    else if (length.value > this.#frameBytesMax) this.#fail("frame-oversized");
    else {
      this.#body = new Uint8Array(length.value);
      this.#filled = 0;
    }
    this.#prefix = NOTHING;
    return offset + length.next - held;
  }

  #readBody(chunk: Uint8Array, offset: number): number {
    const body = this.#body ?? NOTHING;
    const part = chunk.subarray(offset, offset + body.length - this.#filled);
    body.set(part, this.#filled);
    this.#filled += part.length;
    return offset + part.length;
  }

  #fail(fault: FrameFault): void {
    this.#failed = fault;
    this.#prefix = NOTHING;
    this.#body = undefined;
  }
}
