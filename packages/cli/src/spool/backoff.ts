/** How long to wait before another try: doubling, with full jitter, so that a thousand cron jobs do not come back at the same instant. */

const firstMs = 100;
/** The longest pause between two tries that nobody asked for. */
export const RETRY_PAUSE_MS_MAX: number = 2_000;

/**
 * @param tried - tries so far, from 1
 * @param random - from 0 to 1, both as they may come
 * @param retryAfterMs - what the node asked for; jitter comes on top of it, never instead
 */
export function pauseMs(tried: number, random: number, retryAfterMs?: number): number {
  const roomMs = Math.min(RETRY_PAUSE_MS_MAX, firstMs * 2 ** Math.min(tried, 16));
  return Math.ceil((retryAfterMs ?? 0) + random * roomMs);
}
