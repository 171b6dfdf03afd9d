/** Dials that many nodes share: so many a minute, and as many at once. */
export class DialBudget {
  /** From one dial that is spent to the next one. */
  readonly earnedEveryMs: number;
  readonly #max: number;
  #left: number;
  #earnedAtMs = 0;

  constructor(perMinute: number) {
    this.#max = perMinute;
    this.#left = perMinute;
    this.earnedEveryMs = 60_000 / perMinute;
  }

  isSpent(nowMs: number): boolean {
    this.#left = Math.min(this.#max, this.#left + (nowMs - this.#earnedAtMs) / this.earnedEveryMs);
    this.#earnedAtMs = nowMs;
    return this.#left < 1;
  }

  take(): void {
    this.#left -= 1;
  }
}
