/** Runs the scenarios of a suite that are not finished yet, and keeps each as it is done. */
import type { CoreFactory } from "../fleet/sim-node.ts";
import { runScenario } from "../run-scenario.ts";
import { findScenario } from "../scenarios/find-scenario.ts";
import type { FinishedRun, FinishedRuns } from "./finished-run.ts";
import { nameOf, type Cell } from "./suites.ts";

export interface SuiteOptions {
  readonly commit: string;
  readonly createCore: CoreFactory;
  /** Where finished runs are kept; without, all are run. */
  readonly finished?: FinishedRuns | undefined;
  /** Is told of each run as it is done. */
  readonly done?: ((run: FinishedRun) => void) | undefined;
}

/** Every run of these cells, those that were finished before included, in the order of the cells. */
export function runSuite(cells: readonly Cell[], options: SuiteOptions): readonly FinishedRun[] {
  const known = new Map(
    (options.finished?.read(options.commit) ?? []).map((run) => [nameOf(run.cell), run]),
  );
  return cells.map((cell) => {
    const before = known.get(nameOf(cell));
    if (before !== undefined) return before;
    const run = runCell(cell, options);
    options.finished?.append(run);
    options.done?.(run);
    return run;
  });
}

function runCell(cell: Cell, { commit, createCore }: SuiteOptions): FinishedRun {
  const scenario = findScenario(cell.scenario, cell);
  if (scenario === undefined)
    throw new RangeError(`Cannot run '${cell.scenario}' as there is no scenario of that name.`);
  const { hash, violations, kpi, note } = runScenario(scenario, { seed: cell.seed, createCore });
  return { commit, cell, hash, violations, kpi, note };
}
