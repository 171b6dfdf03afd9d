/** A line of `docs/benchmarks.md`: a goal, the figures that it is about, and how many samples they rest on. */
import type { Bound } from "./goal.ts";

export interface Row {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  /** Samples behind the figures, as text. */
  readonly n: string;
  /** The goal in numbers. */
  readonly bounds: readonly Bound[];
  /** What the figure is compared with, measured in the same run where that is possible. */
  readonly baseLine: string;
}
