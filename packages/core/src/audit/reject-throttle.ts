/** Keeps a flood of bad input from filling the audit log: one entry a second for each reason, with the count of those between. */

/** Reasons that are told apart; further ones share the place of `other`. */
export const REJECT_REASONS_MAX: number = 256;
const EVERY_MS = 1_000;

interface Reason {
  lastMonoMs: number;
  suppressed: number;
}

export class RejectThrottle {
  readonly #reasons = new Map<string, Reason>();

  /** How many were left out since the last one that was let through; undefined when this one is to be left out too. */
  admit(text: string, nowMonoMs: number): number | undefined {
    const key = this.#reasons.has(text) || this.#reasons.size < REJECT_REASONS_MAX ? text : "other";
    const reason = this.#reasons.get(key);
    if (reason === undefined) {
      this.#reasons.set(key, { lastMonoMs: nowMonoMs, suppressed: 0 });
      return 0;
    }
    if (nowMonoMs - reason.lastMonoMs < EVERY_MS) {
      reason.suppressed += 1;
      return undefined;
    }
    const { suppressed } = reason;
    reason.lastMonoMs = nowMonoMs;
    reason.suppressed = 0;
    return suppressed;
  }
}
