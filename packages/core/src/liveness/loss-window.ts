/**
 * Which share of a node's pulses did not arrive in the last 20 s (rule PU7): by gaps in the sequence, so that it needs no clock of the
 * sender. Ten one-second buckets would blur at slow pulses; the window simply restarts from the newest half when it is full.
 * A long gap is an outage, which verdicts are for, and starts a new window: otherwise every healed partition would look lossy.
 */
import { LOSSY_SHARE, LOSSY_WINDOW_MS, OUTAGE_INTERVALS } from "./rules.ts";

/** Fewer expected pulses say nothing. */
const EXPECTED_MIN = 8;

export class LossWindow {
  #boot = 0;
  #lastMonoMs = Number.NEGATIVE_INFINITY;
  /** Asked far more often than it changes. */
  #isLossy = false;
  #halves: { sinceMonoMs: number; firstSeq: number; lastSeq: number; received: number }[] = [];

  /** A pulse above every one seen arrived. */
  onPulse(boot: number, seq: number, nowMonoMs: number, intervalMs: number): void {
    const wasOut = nowMonoMs - this.#lastMonoMs > OUTAGE_INTERVALS * intervalMs;
    this.#lastMonoMs = nowMonoMs;
    if (boot !== this.#boot || wasOut) {
      this.#boot = boot;
      this.#halves = [];
    }
    const current = this.#halves.at(-1);
    if (current === undefined || nowMonoMs - current.sinceMonoMs >= LOSSY_WINDOW_MS / 2) {
      this.#halves.push({
        sinceMonoMs: nowMonoMs,
        firstSeq: current?.lastSeq ?? seq - 1,
        lastSeq: seq,
        received: 1,
      });
      if (this.#halves.length > 2) this.#halves.shift();
    } else {
      current.lastSeq = seq;
      current.received += 1;
    }
    this.#isLossy = this.#computeLossy();
  }

  /** Whether more than 40% were missed. */
  isLossy(): boolean {
    return this.#isLossy;
  }

  /** Which share was missed, 0 … 1; undefined while too few were expected to tell. */
  get share(): number | undefined {
    const first = this.#halves[0];
    const last = this.#halves.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const expected = last.lastSeq - first.firstSeq;
    const received = this.#halves.reduce((sum, half) => sum + half.received, 0);
    return expected < EXPECTED_MIN ? undefined : (expected - received) / expected;
  }

  #computeLossy(): boolean {
    return (this.share ?? 0) > LOSSY_SHARE;
  }
}
