/** What finished runs come to: one row for each scenario and size, over all its seeds. This is what is committed and compared. */
import { quantile } from "../checks/detection.ts";
import type { FinishedRun } from "./finished-run.ts";

export interface SummaryRow {
  readonly scenario: string;
  readonly nodes: number;
  readonly minutes: number;
  readonly seeds: readonly number[];
  readonly violations: number;
  readonly deaths: number;
  readonly deathsUnfound: number;
  /** Over the deaths of all seeds; null where nobody died. */
  readonly detectionP50Ms: number | null;
  readonly detectionP90Ms: number | null;
  readonly detectionP99Ms: number | null;
  readonly nodeHours: number;
  readonly falseDowns: number;
  readonly falseDownsPerNodeHour: number;
  readonly wrongAccusations: number;
  /** Of the worst faulty node of all seeds, in ten minutes. */
  readonly changesMax: number;
  readonly viewsAtOnceMax: number;
  readonly viewsPerNodeMax: number;
  /** The longest; null where there was no partition, -1 where one was not got over. */
  readonly healMs: number | null;
  /** Bytes and messages of a node and second: the mean over all seeds, and the worst 99th percentile. */
  readonly pulseBytesOut: number;
  readonly pulseBytesOutP99: number;
  readonly pulseBytesIn: number;
  readonly pulseBytesInP99: number;
  readonly bytesOut: number;
  readonly bytesOutP99: number;
  readonly bytesIn: number;
  readonly bytesInP99: number;
  readonly messagesOut: number;
  readonly messagesIn: number;
}

export interface Summary {
  readonly suite: string;
  readonly commit: string;
  readonly rows: readonly SummaryRow[];
}

export function summaryOf(suite: string, commit: string, runs: readonly FinishedRun[]): Summary {
  const groups = Object.groupBy(
    runs,
    ({ cell: { scenario, nodes, minutes } }) => `${scenario} ${nodes} ${minutes}`,
  );
  const rows = Object.values(groups).flatMap((group) => (group === undefined ? [] : rowOf(group)));
  return {
    suite,
    commit,
    rows: rows.toSorted((a, b) => compareText(a.scenario, b.scenario) || a.nodes - b.nodes),
  };
}

function rowOf(runs: readonly FinishedRun[]): readonly SummaryRow[] {
  const [first] = runs;
  if (first === undefined) return [];
  const { scenario, nodes, minutes } = first.cell;
  const kpis = runs.map(({ kpi }) => kpi);
  const delaysMs = kpis.flatMap((kpi) => kpi.delaysMs).toSorted((a, b) => a - b);
  const sum = (values: readonly number[]): number => values.reduce((all, next) => all + next, 0);
  const mean = (values: readonly number[]): number => round(sum(values) / values.length);
  const worst = (values: readonly number[]): number => round(Math.max(...values));
  const heals = kpis.flatMap(({ healMs }) => (healMs === undefined ? [] : (healMs ?? -1)));
  const nodeHours = sum(kpis.map((kpi) => kpi.nodeHours));
  const falseDowns = sum(kpis.map((kpi) => kpi.falseDowns));
  const row: SummaryRow = {
    scenario,
    nodes,
    minutes,
    seeds: runs.map(({ cell }) => cell.seed).toSorted((a, b) => a - b),
    violations: sum(runs.map(({ violations }) => violations.length)),
    deaths: sum(kpis.map((kpi) => kpi.deaths)),
    deathsUnfound: sum(kpis.map((kpi) => kpi.deathsUnfound)),
    detectionP50Ms: quantile(delaysMs, 0.5) ?? null,
    detectionP90Ms: quantile(delaysMs, 0.9) ?? null,
    detectionP99Ms: quantile(delaysMs, 0.99) ?? null,
    nodeHours: round(nodeHours),
    falseDowns,
    falseDownsPerNodeHour: nodeHours === 0 ? 0 : falseDowns / nodeHours,
    wrongAccusations: sum(kpis.map((kpi) => kpi.wrongAccusations)),
    changesMax: worst(kpis.map((kpi) => kpi.changesPerFaultyNode?.max ?? 0)),
    viewsAtOnceMax: worst(kpis.map((kpi) => kpi.views.atOnceMax)),
    viewsPerNodeMax: worst(kpis.map((kpi) => kpi.views.perNodeMax)),
    healMs: heals.length === 0 ? null : heals.includes(-1) ? -1 : worst(heals),
    pulseBytesOut: mean(kpis.map(({ bytes }) => bytes.pulses.bytesOut.mean)),
    pulseBytesOutP99: worst(kpis.map(({ bytes }) => bytes.pulses.bytesOut.p99)),
    pulseBytesIn: mean(kpis.map(({ bytes }) => bytes.pulses.bytesIn.mean)),
    pulseBytesInP99: worst(kpis.map(({ bytes }) => bytes.pulses.bytesIn.p99)),
    bytesOut: mean(kpis.map(({ bytes }) => bytes.all.bytesOut.mean)),
    bytesOutP99: worst(kpis.map(({ bytes }) => bytes.all.bytesOut.p99)),
    bytesIn: mean(kpis.map(({ bytes }) => bytes.all.bytesIn.mean)),
    bytesInP99: worst(kpis.map(({ bytes }) => bytes.all.bytesIn.p99)),
    messagesOut: mean(kpis.map(({ bytes }) => bytes.all.messagesOut.mean)),
    messagesIn: mean(kpis.map(({ bytes }) => bytes.all.messagesIn.mean)),
  };
  return [row];
}

/** Three digits behind the point: what is committed should not change in the sixteenth. */
function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
