/** The lines of the start, soak and heal benches in `docs/benchmarks.md`. */
import { list, number, text } from "./pick.ts";
import type { Row } from "./row.ts";

/** A day's growth cannot be told from an hour of it: the goal counts for what ran at least this long. */
const SOAK_HOURS_MIN = 24;

export function soakRows(result: unknown): readonly Row[] {
  const growth = (figure: string): string =>
    `${text(result, `${figure}.mbPerDay`)} ± ${text(result, `${figure}.errorMbPerDay`)} MB a day (${text(result, `${figure}.firstMb`)} → ${text(result, `${figure}.lastMb`)} MB)`;
  const isLong = (number(result, "hours") ?? 0) >= SOAK_HOURS_MIN;
  return [
    {
      what: `a node for ${text(result, "hours")} h of ${SOAK_HOURS_MIN} h, with ${text(result, "done.restarts")} restarts, ${text(result, "done.kills")} kills and ${text(result, "done.cuts")} cuts around it: growth of its heap after collection, behind ${text(result, "warmUpMinutes")} min`,
      goal: `≤ 1 MB a day over ${SOAK_HOURS_MIN} h`,
      measured: `objects ${growth("objects")}; heap with compiled code ${growth("heap")}; RSS ${growth("rss")}; CPU ${text(result, "cpuPercent")}%`,
      n: text(result, "samples"),
      bounds: [{ value: isLong ? number(result, "heap.mbPerDay") : undefined, most: 1 }],
      baseLine: `${text(result, "done.beats")} beats, ${text(result, "done.changes")} changes`,
    },
  ];
}

export function startRows(result: unknown): readonly Row[] {
  return [
    {
      what: `\`pulsemesh run\`, unbundled, with ${text(result, "records")} records in ${text(result, "chains")} chains on disk: spawn until the first pulse`,
      goal: "≤ 1,500 ms",
      measured: `p50 ${text(result, "full.firstPulseMs.p50")} ms, worst ${text(result, "full.firstPulseMs.max")} ms; gateway open p50 ${text(result, "full.openMs.p50")} ms; CPU ${text(result, "full.cpuMs.p50")} ms, ${text(result, "full.rssMb.p50")} MB RSS`,
      n: text(result, "full.firstPulseMs.n"),
      bounds: [{ value: number(result, "full.firstPulseMs.max"), most: 1_500 }],
      baseLine: `an empty folder p50 ${text(result, "empty.firstPulseMs.p50")} ms, CPU ${text(result, "empty.cpuMs.p50")} ms`,
    },
  ];
}

export function healRows(result: unknown): readonly Row[] {
  return list(result, "results").map((one) => ({
    what: `three processes, one behind a cable that was pulled, ${text(one, "changes")} changes on each side meanwhile: from the healing until all show the same`,
    goal: "≤ 10 s",
    measured: `p50 ${text(one, "ms.p50")} ms, worst ${text(one, "ms.max")} ms`,
    n: text(one, "ms.n"),
    bounds: [{ value: number(one, "ms.max"), most: 10_000 }],
    baseLine: "",
  }));
}
