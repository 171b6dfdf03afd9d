import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { problemsOf } from "./compare.ts";
import { runSuite } from "./run-suite.ts";
import { CELLS_MS, rowsOf, shortBaseline, shortGroups } from "./short-suite.ts";
import { summaryOf } from "./summary.ts";

/** The other half is in `short-suite-a.test.ts`, so that two workers share them. */
test.each(shortGroups(1, 2))(
  "P1 P2 P3 P5 P6 P9 VE3 nothing is wrong, and no number is worse than the base line: %s",
  (_name, cells) => {
    const runs = runSuite(cells, { commit: "", createCore });
    expect(runs.flatMap(({ violations }) => violations)).toEqual([]);
    const base = shortBaseline();
    const rows = rowsOf(base, cells);
    expect(rows).toHaveLength(1);
    expect(problemsOf({ ...base, rows }, summaryOf("short", "", runs))).toEqual([]);
  },
  CELLS_MS,
);
