/** Counts what one sender hands over in the second under way, so that no flood of valid messages is relayed (promise P6). */

export class RateWindow {
  #second = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** Counts one; false when it is beyond `perSecondMax`. */
  admit(nowMonoMs: number, perSecondMax: number): boolean {
    const second = Math.floor(nowMonoMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= perSecondMax;
  }
}
