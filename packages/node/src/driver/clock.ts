/** Time and turns of the event loop as the driver needs them; virtual in tests. */
import type { Now } from "@pulsemesh/core";

export interface Clock {
  /** Both clocks, read together (rule SG3). */
  now(): Now;
  /** Runs `run` after about so many milliseconds, not before the loop turns; returns how to call it off. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs `run` once the sockets that are readable now have been read. */
  afterSockets(run: () => void): void;
}

/** Longest delay that setTimeout takes; the driver re-arms on waking anyway. */
export const TIMER_DELAY_MS_MAX: number = 2 ** 31 - 1;

/** The machine's clocks: monotonic time since this process started, so that no wall step reaches it. */
export function createSystemClock(): Clock {
  return {
    now: () => ({ monoMs: performance.now(), wallMs: Date.now() }),
    after(delayMs, run) {
      const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), TIMER_DELAY_MS_MAX));
      return () => clearTimeout(timer);
    },
    // Immediates run right after the poll phase, which is where sockets are read.
    afterSockets: (run) => void setImmediate(run),
  };
}
