/** How late the event loop is, as Node itself samples it; needs no timer of ours. */
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Between two samples, in milliseconds: fine enough to see a stall of one, coarse enough to cost nothing. */
const RESOLUTION_MS = 20;
const NANOSECONDS_PER_MS = 1_000_000;

export interface LoopLag {
  /** p99 since the last call, in milliseconds. */
  readonly lagMs: () => number;
  readonly stop: () => void;
}

export function measureLoopLag(): LoopLag {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    lagMs() {
      // The histogram holds the time between samples, the resolution included.
      const p99Ms = histogram.count === 0 ? 0 : histogram.percentile(99) / NANOSECONDS_PER_MS;
      histogram.reset();
      return Math.max(0, p99Ms - RESOLUTION_MS);
    },
    stop: () => void histogram.disable(),
  };
}
