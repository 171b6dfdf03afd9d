/** The text of `docs/benchmarks.md`. */
import { outcomeOf } from "./goal.ts";
import type { Row } from "./row.ts";

/** One bench; without a result its rows are undefined. */
export interface BenchOnPage {
  readonly name: string;
  readonly measured:
    | {
        readonly rows: readonly Row[];
        readonly measuredOn: string;
        readonly machine: string;
        readonly remark?: string | undefined;
      }
    | undefined;
}

const HEAD = `# Benchmarks

Written by \`node bench/report.ts\` from what \`npm run bench\` measured. Base lines are from the same run unless they name another system.
The column "goal met" is computed from the figures; a goal that names no percentile holds for the worst sample. *n* counts the samples (rounds,
starts, requests) behind a figure: with few of them p99 is the worst one.

| what | goal | measured | n | goal met | base line | when and where |
|---|---|---|---|---|---|---|
`;

export function benchmarksPage(benches: readonly BenchOnPage[]): string {
  const machines: string[] = [];
  const lines = benches.flatMap(({ name, measured }) => {
    if (measured === undefined) return [line([name, "", "–", "0", "not measured", "", ""])];
    const { rows, measuredOn, machine, remark } = measured;
    if (!machines.includes(machine)) machines.push(machine);
    const remarked = remark === undefined ? "" : `; ${remark}`;
    const where = `${measuredOn}, machine ${machines.indexOf(machine) + 1}${remarked}`;
    return rows.map((row) =>
      line([row.what, row.goal, row.measured, row.n, outcomeOf(row.bounds), row.baseLine, where]),
    );
  });
  const list = machines.map((machine, at) => `Machine ${at + 1}: ${machine}`).join("\n\n");
  return `${HEAD}${lines.join("\n")}\n\n${list}\n`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}
