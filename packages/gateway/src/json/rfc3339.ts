/** Times leave the gateway as RFC 3339 in UTC with milliseconds. */

/** What RFC 3339 can say: the years 0000 to 9999. */
const WALL_MS_MIN = Date.parse("0000-01-01T00:00:00.000Z");
const WALL_MS_MAX = Date.parse("9999-12-31T23:59:59.999Z");

/** Text of a wall time, the nearest that can be said; undefined or no number gives null. */
export function rfc3339(wallMs: number): string;
export function rfc3339(wallMs: number | undefined): string | null;
export function rfc3339(wallMs: number | undefined): string | null {
  if (wallMs === undefined) return null;
  // A foreign clock may be absurd; an answer must not fail over it.
  const date = new Date(Math.min(Math.max(wallMs, WALL_MS_MIN), WALL_MS_MAX));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
