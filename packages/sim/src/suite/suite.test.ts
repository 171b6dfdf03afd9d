import { createCore } from "@pulsemesh/core";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { problemsOf, TOLERANCES } from "./compare.ts";
import { FinishedRuns } from "./finished-run.ts";
import { runSuite } from "./run-suite.ts";
import { summaryOf, type Summary, type SummaryRow } from "./summary.ts";
import { cellsOf, nameOf, partOf, type Cell } from "./suites.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "pulsemesh-suite-"));
  folders.push(folder);
  return join(folder, "runs", "full.jsonl");
}

const CELLS: readonly Cell[] = [1, 2, 3].map((seed) => ({
  scenario: "calm",
  nodes: 3,
  minutes: 0.5,
  seed,
}));

/** Runs the cells and says which of them were really run. */
function run(path: string, commit: string, cells: readonly Cell[] = CELLS): readonly number[] {
  const ran: number[] = [];
  const finished = new FinishedRuns(path);
  const done = ({ cell }: { readonly cell: Cell }): void => void ran.push(cell.seed);
  const runs = runSuite(cells, { commit, createCore, finished, done });
  expect(runs.map(({ cell }) => cell)).toEqual(cells);
  return ran;
}

describe("a suite", () => {
  test("SG3 goes on where it was interrupted, also in the middle of a line, and begins anew for another commit", () => {
    const path = newPath();
    expect(run(path, "a", CELLS.slice(0, 2))).toEqual([1, 2]);
    appendFileSync(path, '{"commit":"a","cell":{"scenario":"cal');
    expect(run(path, "a")).toEqual([3]);
    expect(run(path, "a")).toEqual([]);
    expect(run(path, "b")).toEqual([1, 2, 3]);
    expect(run(path, "a")).toEqual([]);
  });

  test("SG3 is the same run for run when it was read back", () => {
    const path = newPath();
    const options = { commit: "a", createCore, finished: new FinishedRuns(path) };
    const first = summaryOf("short", "a", runSuite(CELLS, options));
    expect(summaryOf("short", "a", runSuite(CELLS, options))).toEqual(first);
    expect(first.rows).toHaveLength(1);
    expect(first.rows[0]).toMatchObject({ nodes: 3, seeds: [1, 2, 3], violations: 0 });
  });

  test("SG3 is split by seed into parts that have no run in common and leave none out", () => {
    for (const suite of ["short", "full"] as const) {
      const cells = cellsOf(suite);
      const names = cells.map(nameOf);
      expect(new Set(names).size).toBe(names.length);
      const parts = [1, 2, 3, 4].flatMap((part) => partOf(cells, part, 4)).map(nameOf);
      expect(parts.toSorted()).toEqual(names.toSorted());
      expect(partOf(cells, 2, 4).every(({ seed }) => seed % 4 === 2)).toBe(true);
    }
  });

  test("VE3 has ten thousand node-hours at 5% loss", () => {
    const hours = cellsOf("full").flatMap(({ scenario, nodes, minutes }) =>
      scenario === "loss-5" ? (nodes * minutes) / 60 : [],
    );
    expect(hours.reduce((sum, next) => sum + next, 0)).toBeGreaterThan(10_000);
  });
});

describe("a comparison", () => {
  const finished = newSummary();

  function newSummary(): Summary {
    return summaryOf("short", "a", runSuite(CELLS, { commit: "a", createCore }));
  }

  function changed(change: (row: SummaryRow) => SummaryRow): Summary {
    return { ...finished, commit: "b", rows: finished.rows.map(change) };
  }

  test.each(Object.keys(TOLERANCES))(
    "SG3 notices what is worse beyond its tolerance: %s",
    (key) => {
      expect(problemsOf(finished, finished)).toEqual([]);
      const worse = changed((row) => ({ ...row, [key]: 1_000_000 }));
      expect(problemsOf(finished, worse)).toHaveLength(1);
      expect(problemsOf(finished, worse)[0]).toContain(`calm, 3 nodes, 0.5 min: ${key} 1000000`);
      expect(problemsOf(worse, finished)).toEqual([]);
    },
  );

  test("SG3 stands a little worse, and notices a run that is missing, has other seeds or never healed", () => {
    const bytes = (share: number): Summary =>
      changed((row) => ({ ...row, bytesOut: row.bytesOut * share }));
    expect(problemsOf(finished, bytes(1.09))).toEqual([]);
    expect(problemsOf(finished, bytes(2))).toHaveLength(1);
    expect(problemsOf(finished, { ...finished, rows: [] })).toEqual([
      "calm, 3 nodes, 0.5 min: not run",
    ]);
    expect(
      problemsOf(
        finished,
        changed((row) => ({ ...row, seeds: [1] })),
      ),
    ).toHaveLength(1);
    const healed = changed((row) => ({ ...row, healMs: 2_000 }));
    const never = changed((row) => ({ ...row, healMs: -1 }));
    expect(problemsOf(healed, never)).toHaveLength(1);
    expect(problemsOf(never, healed)).toEqual([]);
  });
});
