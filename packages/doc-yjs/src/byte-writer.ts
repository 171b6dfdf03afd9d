/**
 * Writes the primitives of Yjs' V1 update encoding (lib0): the counterpart of {@link ./byte-reader.ts}.
 * Own because the writer must know sizes before it commits to a write, and because whatever is written passes our own gate.
 */
const UTF8: TextEncoder = new TextEncoder();
const FIRST_BYTES = 256;

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Unsigned, up to 2^53-1, in groups of seven bits, lowest first. */
  varUint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte(0x80 | (rest % 0x80));
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Signed, up to ±(2^31-1); minus zero keeps its sign. */
  varInt(value: number): void {
    const sign = value < 0 || Object.is(value, -0) ? 0x40 : 0;
    const size = Math.abs(value);
    if (size <= 0x3f) {
      this.byte(sign | size);
      return;
    }
    this.byte(0x80 | sign | (size % 0x40));
    this.varUint(Math.floor(size / 0x40));
  }

  float32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value);
    this.#length += 4;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Its length in UTF-8, then the bytes. */
  text(value: string): void {
    const bytes = UTF8.encode(value);
    this.varUint(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
