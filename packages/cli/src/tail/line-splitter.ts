/**
 * Bytes of a log into lines. A line is one when its newline has come, so that half a line never matches as if it were whole; and whoever
 * writes a line without end costs no memory.
 */

/** Of a longer line the beginning is taken, and the rest up to its newline is dropped. */
export const LINE_BYTES_MAX: number = 8 * 1024;

const newline = 0x0a;

export class LineSplitter {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Up to the next newline everything belongs to a line whose beginning nobody saw. */
  #isSkipping: boolean;
  readonly #decoder = new TextDecoder();

  constructor(options: { readonly skipFirst?: boolean | undefined } = {}) {
    this.#isSkipping = options.skipFirst === true;
  }

  /** The lines that are complete now. What is no UTF-8 becomes U+FFFD. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const to = chunk.indexOf(newline, from);
      if (to === -1) break;
      this.#add(chunk.subarray(from, to));
      if (this.#isSkipping) this.#isSkipping = false;
      else lines.push(this.#text());
      this.#forget();
      from = to + 1;
    }
    this.#add(chunk.subarray(from));
    return lines;
  }

  /** The line that has no newline, where nothing more can come; undefined when there is none. */
  end(): string | undefined {
    const rest = this.#bytes === 0 || this.#isSkipping ? undefined : this.#text();
    this.#forget();
    return rest;
  }

  #add(part: Uint8Array): void {
    // A writer that goes on at its old place in a file that was cut leaves a hole, which reads as zeros.
    const start = this.#bytes === 0 ? part.findIndex((byte) => byte !== 0) : 0;
    const room = LINE_BYTES_MAX - this.#bytes;
    if (start === -1 || room <= 0 || this.#isSkipping) return;
    // A copy: who reads the file uses one buffer again and again, of which a Buffer's own slice would be a view.
    const taken = Uint8Array.from(part.subarray(start, start + room));
    if (taken.length === 0) return;
    this.#parts.push(taken);
    this.#bytes += taken.length;
  }

  #text(): string {
    return this.#decoder.decode(Buffer.concat(this.#parts, this.#bytes)).replace(/\r$/, "");
  }

  #forget(): void {
    this.#parts = [];
    this.#bytes = 0;
  }
}
