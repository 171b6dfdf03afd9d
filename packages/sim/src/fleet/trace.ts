/** A running hash over everything that happens: two runs of one seed are the same run exactly when their traces are equal. */

export class Trace {
  #a = 0x811c_9dc5;
  #b = 0x9747_b28c;
  #events = 0;

  /** Numbers that were mixed in. */
  get events(): number {
    return this.#events;
  }

  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#a) + hex(this.#b);
  }

  number(value: number): void {
    this.#events += 1;
    // Virtual moments have fractions: both halves count.
    this.#word(value | 0);
    this.#word(((value - Math.floor(value)) * 0x7fff_ffff) | 0);
  }

  text(value: string): void {
    for (let i = 0; i < value.length; i++) this.#word(value.charCodeAt(i));
  }

  #word(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x0100_0193);
    this.#b = Math.imul(this.#b ^ (word + (this.#a >>> 13)), 0x85eb_ca6b);
  }
}
