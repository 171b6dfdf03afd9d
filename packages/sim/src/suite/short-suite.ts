/** The short suite as tests see it: what each row of its base line asks for, split among workers. */
import { readFileSync } from "node:fs";
import type { Summary, SummaryRow } from "./summary.ts";
import { cellsOf, type Cell } from "./suites.ts";

const BASELINE = new URL("../../baseline/short.json", import.meta.url);

/** All seeds of one size are one test: a minute each on two busy cores, and a run that hangs is still found. */
export const CELLS_MS = 900_000;

/** The committed base line; `npm run sim -- --suite short --summary packages/sim/baseline/short.json` makes a new one. */
export function shortBaseline(): Summary {
  return JSON.parse(readFileSync(BASELINE, "utf8")) as Summary;
}

/** Each scenario and size of the suite with its runs: every `of`-th of them, from number `part` on. */
export function shortGroups(
  part: number,
  of: number,
): readonly (readonly [string, readonly Cell[]])[] {
  const groups = Object.groupBy(
    cellsOf("short"),
    ({ scenario, nodes, minutes }) => `${scenario}, ${nodes} nodes, ${minutes} min`,
  );
  return Object.entries(groups)
    .filter((_, at) => at % of === part)
    .map(([name, cells]) => [name, cells ?? []]);
}

/** The row of a base line that is about these runs. */
export function rowsOf(summary: Summary, [cell]: readonly Cell[]): readonly SummaryRow[] {
  return summary.rows.filter(
    ({ scenario, nodes, minutes }) =>
      scenario === cell?.scenario && nodes === cell.nodes && minutes === cell.minutes,
  );
}
