/** Times leave the gateway as RFC 3339 in UTC with milliseconds. */

/** Text of a wall time; undefined or a time that no calendar holds gives null. */
export function rfc3339(wallMs: number): string;
export function rfc3339(wallMs: number | undefined): string | null;
export function rfc3339(wallMs: number | undefined): string | null {
  if (wallMs === undefined) return null;
  // A foreign clock may be absurd; an answer must not fail over it.
  const date = new Date(Math.min(Math.max(wallMs, -8.64e15), 8.64e15));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
