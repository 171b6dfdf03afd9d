/** The straight line through samples over time, and how far it may be off: an hour of noise must not be taken for a trend of a day. */

export interface Slope {
  /** Units a millisecond. */
  readonly perMs: number;
  /** Standard error of `perMs`. */
  readonly errorPerMs: number;
}

/** Least squares; undefined with fewer than three samples. */
export function slopeOf(
  samples: readonly { readonly atMs: number; readonly value: number }[],
): Slope | undefined {
  const count = samples.length;
  if (count < 3) return undefined;
  const meanMs = samples.reduce((sum, { atMs }) => sum + atMs, 0) / count;
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / count;
  let [squares, products] = [0, 0];
  for (const { atMs, value } of samples) {
    squares += (atMs - meanMs) ** 2;
    products += (atMs - meanMs) * (value - mean);
  }
  const perMs = products / squares;
  const rest = samples.reduce(
    (sum, { atMs, value }) => sum + (value - mean - perMs * (atMs - meanMs)) ** 2,
    0,
  );
  return { perMs, errorPerMs: Math.sqrt(rest / (count - 2) / squares) };
}
