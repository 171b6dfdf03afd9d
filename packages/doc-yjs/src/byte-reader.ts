/**
 * A strict reader of foreign bytes. It never throws and never looks at a byte twice: the first thing that is wrong is kept as
 * `refusal`, the position jumps to the end, and every read from then on returns 0 or an empty text. So callers read on in a
 * straight line and ask once, and the work is bounded by the length of the input.
 *
 * Numbers must be in their shortest form. lib0, which Yjs reads with, also takes padded ones; then the same update has endlessly
 * many spellings, and a filter that compares bytes can be fooled.
 */
import type { GateCode } from "@pulsemesh/core";

const UTF8: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Below this length a loop over ASCII bytes is faster than the decoder. */
const SHORT_TEXT_BYTES = 64;
/** Bytes of the largest safe integer in groups of seven bits. */
const VAR_UINT_BYTES = 8;

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #steps = 0;
  #refusal: GateCode | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Why reading ended early, undefined while all is well. */
  get refusal(): GateCode | undefined {
    return this.#refusal;
  }

  /** Position in bytes. */
  get at(): number {
    return this.#at;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Reads so far: what the work is measured by in tests, instead of a timer. */
  get steps(): number {
    return this.#steps;
  }

  /** Ends reading for this reason, unless it ended for another before. */
  refuse(code: GateCode): void {
    this.#refusal ??= code;
    this.#at = this.#bytes.length;
  }

  byte(): number {
    this.#steps++;
    if (this.left < 1) {
      this.refuse("malformed");
      return 0;
    }
    return this.#bytes[this.#at++] as number;
  }

  /** An unsigned integer up to 2^53-1, shortest form only. */
  varUint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 1; count <= VAR_UINT_BYTES; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return this.#accepted(value, count === 1 || byte !== 0);
    }
    return this.#accepted(0, false);
  }

  /** A signed integer as lib0 writes it (first byte: more, sign, six bits), shortest form only. */
  varInt(): number {
    const first = this.byte();
    let value = first & 0x3f;
    const sign = (first & 0x40) === 0 ? 1 : -1;
    if (first < 0x80) return sign * value;
    let factor = 64;
    for (let count = 1; count <= VAR_UINT_BYTES; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return sign * this.#accepted(value, byte !== 0);
    }
    return this.#accepted(0, false);
  }

  /** A big-endian float of 4 or 8 bytes. */
  float(bytes: 4 | 8): number {
    const at = this.#take(bytes);
    if (at < 0) return 0;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, bytes);
    return bytes === 4 ? view.getFloat32(0) : view.getFloat64(0);
  }

  /** A length and that many bytes of UTF-8. */
  text(): string {
    const length = this.varUint();
    const at = this.#take(length);
    if (at < 0) return "";
    if (length <= SHORT_TEXT_BYTES && this.#isAscii(at, length)) return this.#ascii(at, length);
    return this.#decoded(at, length);
  }

  /** Like {@link text}, for when only its being UTF-8 matters. */
  skipText(): void {
    const length = this.varUint();
    const at = this.#take(length);
    if (at >= 0 && !this.#isAscii(at, length)) this.#decoded(at, length);
  }

  #accepted(value: number, shortest: boolean): number {
    if (this.#refusal !== undefined) return 0;
    if (shortest && value <= Number.MAX_SAFE_INTEGER) return value;
    this.refuse("malformed");
    return 0;
  }

  #take(length: number): number {
    this.#steps++;
    if (this.#refusal !== undefined || length > this.left) {
      this.refuse("malformed");
      return -1;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #isAscii(at: number, length: number): boolean {
    for (let index = at; index < at + length; index++)
      if ((this.#bytes[index] as number) >= 0x80) return false;
    return true;
  }

  #ascii(at: number, length: number): string {
    let text = "";
    for (let index = at; index < at + length; index++)
      text += String.fromCharCode(this.#bytes[index] as number);
    return text;
  }

  #decoded(at: number, length: number): string {
    try {
      return UTF8.decode(this.#bytes.subarray(at, at + length));
    } catch {
      this.refuse("malformed");
      return "";
    }
  }
}
