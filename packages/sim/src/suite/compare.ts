/**
 * Compares two summaries, the base line and a new one. What got better is no problem; what got worse is one where it is beyond the tolerance
 * of that number, both relative and absolute: a run is exact, but an honest change of core shifts moments, and with them what falls where.
 */
import type { Summary, SummaryRow } from "./summary.ts";

/** A number may grow by the larger of both. */
interface Tolerance {
  readonly share: number;
  readonly by: number;
}

/** Per number; all of them are the better the smaller. What is not here is told, not judged. */
export const TOLERANCES: Readonly<Partial<Record<keyof SummaryRow, Tolerance>>> = {
  violations: { share: 0, by: 0 },
  deathsUnfound: { share: 0, by: 0 },
  falseDowns: { share: 0, by: 0 },
  detectionP50Ms: { share: 0.1, by: 200 },
  detectionP90Ms: { share: 0.1, by: 300 },
  detectionP99Ms: { share: 0.1, by: 400 },
  wrongAccusations: { share: 0.5, by: 20 },
  changesMax: { share: 0.25, by: 3 },
  viewsAtOnceMax: { share: 0.5, by: 2 },
  viewsPerNodeMax: { share: 0.5, by: 2 },
  healMs: { share: 0.5, by: 3_000 },
  pulseBytesOut: { share: 0.1, by: 50 },
  pulseBytesIn: { share: 0.1, by: 50 },
  bytesOut: { share: 0.1, by: 100 },
  bytesIn: { share: 0.1, by: 100 },
  bytesOutP99: { share: 0.2, by: 200 },
  bytesInP99: { share: 0.2, by: 200 },
};

/** One line for each number that got worse than its tolerance, and each row that is missing; empty when all is well. */
export function problemsOf(base: Summary, next: Summary): readonly string[] {
  return base.rows.flatMap((row) => {
    const name = `${row.scenario}, ${row.nodes} nodes, ${row.minutes} min`;
    const other = next.rows.find(
      ({ scenario, nodes, minutes }) =>
        scenario === row.scenario && nodes === row.nodes && minutes === row.minutes,
    );
    if (other === undefined) return [`${name}: not run`];
    if (String(other.seeds) !== String(row.seeds))
      return [`${name}: seeds ${String(other.seeds)} where the base line has ${String(row.seeds)}`];
    return Object.entries(TOLERANCES).flatMap(([key, tolerance]) => {
      const [was, is] = [valueOf(row, key), valueOf(other, key)];
      const limit = was + Math.max(Math.abs(was) * tolerance.share, tolerance.by);
      return is <= limit ? [] : [`${name}: ${key} ${is} where ${was} was, and ${limit} is allowed`];
    });
  });
}

/** What is null is not there, and what never came took for ever. */
function valueOf(row: SummaryRow, key: string): number {
  const value = row[key as keyof SummaryRow];
  if (typeof value !== "number") return 0;
  return key === "healMs" && value < 0 ? Number.POSITIVE_INFINITY : value;
}
