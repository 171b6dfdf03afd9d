/** The lines of `docs/benchmarks.md` about backups. */
import { number, text } from "./pick.ts";
import type { Row } from "./row.ts";

export function backupRows(result: unknown): readonly Row[] {
  const records = text(result, "records");
  return [
    {
      what: `\`pulsemesh backup\` of a live node with ${records} records, from command to synced file`,
      goal: "≤ 2 s",
      measured: `p50 ${text(result, "commandMs.p50")} ms, max ${text(result, "commandMs.max")} ms`,
      n: text(result, "commandMs.n"),
      bounds: [{ value: number(result, "commandMs.max"), most: 2_000 }],
      baseLine: `the rows over HTTP alone ${text(result, "streamMs.p50")} ms; \`pulsemesh version\` ${text(result, "bareCommandMs")} ms`,
    },
    {
      what: "the same: longest gap in its pulses that a neighbour sees",
      goal: "≤ 2 intervals",
      measured: `${text(result, "longestGapIntervals")} intervals`,
      n: text(result, "commandMs.n"),
      bounds: [{ value: number(result, "longestGapIntervals"), most: 2 }],
      baseLine: `${text(result, "longestGapIntervalsQuiet")} intervals in 5 s without a backup`,
    },
  ];
}
