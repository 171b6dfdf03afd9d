/** Whether a figure met its goal: computed, so that no page can flatter. */

/** One bound of a goal and the figure that it bounds. */
export interface Bound {
  /** Undefined, or no number, when it was not measured. */
  readonly value: number | undefined;
  readonly most?: number | undefined;
  readonly least?: number | undefined;
}

export type Outcome = "met" | "missed" | "not measured";

/** `missed` as soon as one figure is beyond its bound; `met` only when every figure was measured and is within. */
export function outcomeOf(bounds: readonly Bound[]): Outcome {
  const outcomes = bounds.map(({ value, most, least }): Outcome => {
    if (value === undefined || Number.isNaN(value)) return "not measured";
    if (most === undefined && least === undefined) return "not measured";
    const within = value <= (most ?? Infinity) && value >= (least ?? -Infinity);
    return within ? "met" : "missed";
  });
  if (outcomes.includes("missed")) return "missed";
  return outcomes.length === 0 || outcomes.includes("not measured") ? "not measured" : "met";
}
