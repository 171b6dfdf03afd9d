/** Percentiles and the one output format of every bench: a JSON object on stdout, progress on stderr. */

export interface Figures {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest-rank percentiles, rounded to a tenth. */
export function figuresOf(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN);
  return { n: sorted.length, min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** @param digits behind the point */
export function round(value: number, digits: number = 1): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}

/** Prints the result of a bench. */
export function report(bench: string, result: object): void {
  process.stdout.write(`${JSON.stringify({ bench, node: process.version, ...result }, null, 2)}\n`);
}

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
