/** The numbers of runs as lines that a person reads: one name, one value and its unit a line. */
import type { RunReport } from "../run-scenario.ts";

/** Name and value of each number that one run has; those that it has not are left out. */
function kpiRows(report: RunReport): readonly (readonly [name: string, value: string])[] {
  const { kpi } = report;
  const { pulses, all } = kpi.bytes;
  const ms = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : `${value.toFixed(0)} ms`;
  const bytes = (rate: { readonly mean: number; readonly p99: number }): string =>
    `mean ${rate.mean.toFixed(0)}, p99 ${rate.p99.toFixed(0)}`;
  const changes = kpi.changesPerFaultyNode;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["deaths found by 99%", `${kpi.deaths} (${kpi.deathsUnfound} not)`],
    ["detection p50", ms(kpi.detectionP50Ms)],
    ["detection p90", ms(kpi.detectionP90Ms)],
    ["detection p99", ms(kpi.detectionP99Ms)],
    ["false down", `${kpi.falseDowns} in ${kpi.nodeHours.toFixed(2)} node-hours`],
    ["false down per node-hour", kpi.falseDownsPerNodeHour.toFixed(4)],
    ["accusations", `${kpi.accusations}, ${kpi.wrongAccusations} of the living in reach`],
    [
      "changes per faulty node in 10 min",
      changes && `mean ${changes.mean.toFixed(1)}, max ${changes.max.toFixed(1)}`,
    ],
    ["distinct views at once", String(kpi.views.atOnceMax)],
    ["distinct views per node", `p50 ${kpi.views.perNodeP50}, max ${kpi.views.perNodeMax}`],
    ["heal", kpi.healMs === null ? "never" : ms(kpi.healMs)],
    ["pulse bytes/s out", bytes(pulses.bytesOut)],
    ["pulse bytes/s in", bytes(pulses.bytesIn)],
    ["all bytes/s out", bytes(all.bytesOut)],
    ["all bytes/s in", bytes(all.bytesIn)],
    ["messages/s out", bytes(all.messagesOut)],
    ["messages/s in", bytes(all.messagesIn)],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/** One run, with what was wrong in it. */
export function kpiTable(report: RunReport): string {
  const { violations, hash, note } = report;
  const width = 36;
  return [
    `${violations.length === 0 ? "ok" : "WRONG"} ${hash}`,
    ...kpiRows(report).map(([name, value]) => `  ${name.padEnd(width)}${value}`),
    ...(note === undefined ? [] : [`  ${"note".padEnd(width)}${note}`]),
    ...violations.map(({ rule, atMs, text }) => `  ${rule} at ${atMs} ms: ${text}`),
  ].join("\n");
}
