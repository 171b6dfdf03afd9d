/** Dates for what one command tells: a clock that is set back meanwhile must not let a run end before it starts. */

/** `wallMs`, but never earlier than what it said before. */
export function forwardClock(wallMs: () => number = Date.now): () => number {
  let latestMs = Number.NEGATIVE_INFINITY;
  return () => {
    latestMs = Math.max(latestMs, wallMs());
    return latestMs;
  };
}
