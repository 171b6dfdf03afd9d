/**
 * Hybrid logical clock stamps (rule CH4): wall milliseconds since 2020 and a counter in one safe integer, good until the year 2089.
 * A stamp orders writes; it proves nothing about when they were made.
 */

const EPOCH_2020_WALL_MS = 1_577_836_800_000;
const COUNTER_STEPS = 4_096;

/** A stamp further ahead of the reader's clock than this stays out of the view until then (`clock-ahead`). */
export const CLOCK_AHEAD_MS_MAX: number = 24 * 3_600_000;

/** The first stamp of a wall millisecond; 1 for clocks before 2020. */
function hlcAt(wallMs: number): number {
  const stamp = Math.floor(wallMs - EPOCH_2020_WALL_MS) * COUNTER_STEPS;
  return Math.min(Math.max(stamp, 1), Number.MAX_SAFE_INTEGER);
}

/** The highest stamp that a reader whose clock says `wallMs` shows. */
export function hlcHorizon(wallMs: number): number {
  return hlcAt(wallMs + CLOCK_AHEAD_MS_MAX);
}

/** A stamp above the wall clock's and above `seen`; what is seen beyond the horizon infects nobody. */
export function hlcAfter(
  wallMs: number,
  seen: number,
  horizon: number = hlcHorizon(wallMs),
): number {
  const clock = hlcAt(wallMs);
  return seen >= clock && seen <= horizon ? seen + 1 : clock;
}

/** The wall millisecond of a stamp, by the clock of who made it. */
export function hlcWallMs(hlc: number): number {
  return EPOCH_2020_WALL_MS + Math.floor(hlc / COUNTER_STEPS);
}
