/**
 * What a robot's newest samples say, as pure functions (rules RG2, RG3). None assumes a distribution near the middle; only the score does beyond
 * what was ever seen, where there is nothing to count.
 *
 * The score counts like a p-value of conformal prediction (Vovk, Gammerman and Shafer, 2005): of `n` samples of a robot that goes on as it
 * was, the next one is beyond all of them on one side with probability 1/(n+1), whatever the distribution. Beyond the farthest sample it goes on as
 * a straight line through it, an exponential tail as in the accrual failure detectors after Hayashibara (2004), whose normal tail
 * calls the first hiccup of a steady robot one in a million. Spread is the median absolute deviation (Hampel, 1974).
 */
import { SCORE_MAX } from "../view/regularity.ts";

/** Fewer samples say nothing of what is unusual. */
export const SCORE_SAMPLES_MIN: number = 16;
/** Samples that count as newest for the drift; as many, at least, must lie before them. */
export const DRIFT_SAMPLES_MIN: number = 15;

/** Sorts in place, and returns it. By insertion: the arrays are short, and it is several times faster than a sort with a comparator. */
export function sortNumbers(values: number[]): number[] {
  for (let end = 1; end < values.length; end += 1) {
    const value = values[end] ?? 0;
    let at = end;
    for (; at > 0 && (values[at - 1] ?? 0) > value; at -= 1) values[at] = values[at - 1] ?? 0;
    values[at] = value;
  }
  return values;
}

/** The mean of the two middles where their number is even; undefined without any. */
export function medianOf(sorted: readonly number[]): number | undefined {
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Half of the samples differ from `median`, which is theirs, by no more than this. */
export function spreadOf(sorted: readonly number[], median: number): number {
  // Outwards from the median on both sides, the nearer one first: so the differences come in their order.
  let above = sorted.findIndex((sample) => sample >= median);
  let below = above - 1;
  let [before, newest] = [0, 0];
  for (let taken = 0; taken <= sorted.length >> 1; taken += 1) {
    const [up, down] = [sorted[above], sorted[below]];
    const upwards = up === undefined ? Infinity : up - median;
    const downwards = down === undefined ? Infinity : median - down;
    before = newest;
    newest = Math.min(upwards, downwards);
    if (upwards <= downwards) above += 1;
    else below -= 1;
  }
  return sorted.length % 2 === 1 ? newest : (before + newest) / 2;
}

/**
 * How much more the newest samples are than those before, in the samples' unit: the difference of medians.
 *
 * @param samples oldest first
 * @param ringMedians medians of whole rings of samples, if there were any: what was before, for longer than `samples` go back
 */
export function driftOf(
  samples: readonly number[],
  ringMedians: readonly number[],
): number | undefined {
  const olderCount = samples.length - DRIFT_SAMPLES_MIN;
  if (ringMedians.length === 0 && olderCount < DRIFT_SAMPLES_MIN) return undefined;
  const older = ringMedians.length > 0 ? [...ringMedians] : samples.slice(0, olderCount);
  const before = medianOf(sortNumbers(older));
  const now = medianOf(sortNumbers(samples.slice(-DRIFT_SAMPLES_MIN)));
  return before === undefined || now === undefined ? undefined : now - before;
}

/**
 * How unusual `value` is after `history`, 0 … {@link SCORE_MAX}: `s` says that at most one in 10^s is as far out on either side.
 * Rises with the distance from the median, and does not depend on the unit. Undefined for fewer than {@link SCORE_SAMPLES_MIN} samples.
 *
 * @param history sorted, without `value`
 * @param resolution what differs by less is not told apart
 */
export function anomalyScore(
  history: readonly number[],
  value: number,
  resolution: number,
): number | undefined {
  const n = history.length;
  const median = medianOf(history);
  if (n < SCORE_SAMPLES_MIN || median === undefined) return undefined;
  const isAbove = value >= median;
  const asFar = isAbove ? n - countBelow(history, value) : firstAbove(history, value);
  if (asFar > 0) return Math.log10(Math.max(1, (n + 1) / (2 * (asFar + 1))));
  const farthest = (isAbove ? history[n - 1] : history[0]) ?? median;
  const reach = Math.max(Math.abs(farthest - median), resolution);
  const beyond = Math.max(1, Math.abs(value - median) / reach);
  return Math.min(SCORE_MAX, Math.log10((n + 1) / 2) * beyond);
}

/** How many items are less than `value`. */
export function countBelow(sorted: readonly number[], value: number): number {
  let index = 0;
  while (index < sorted.length && (sorted[index] ?? 0) < value) index += 1;
  return index;
}

/** Index of the first item above `value`. */
function firstAbove(sorted: readonly number[], value: number): number {
  let index = 0;
  while (index < sorted.length && (sorted[index] ?? 0) <= value) index += 1;
  return index;
}
