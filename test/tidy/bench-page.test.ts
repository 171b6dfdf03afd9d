/** What docs/benchmarks.md claims is computed from figures; these are the computations. */
import { expect, test } from "vitest";
import { outcomeOf } from "../../bench/support/goal.ts";
import { BENCHES } from "../../bench/support/bench-table.ts";
import { benchmarksPage } from "../../bench/support/page.ts";
import { wrongVerdicts } from "../../bench/support/wrong-verdicts.ts";

test.each([
  [[{ value: 5, most: 5 }], "met"],
  [[{ value: 5, least: 5 }], "met"],
  [[{ value: 5.1, most: 5 }], "missed"],
  [[{ value: 4, least: 5 }], "missed"],
  [
    [
      { value: 1, most: 5 },
      { value: 6, most: 5 },
    ],
    "missed",
  ],
  [
    [
      { value: 1, most: 5 },
      { value: undefined, most: 5 },
    ],
    "not measured",
  ],
  [[{ value: Number.NaN, most: 5 }], "not measured"],
  [[{ value: 1, most: undefined }], "not measured"],
  [[], "not measured"],
])("outcomeOf %j is %s", (bounds, outcome) => {
  expect(outcomeOf(bounds)).toBe(outcome);
});

test("benchmarksPage says met, missed and not measured, with the number of samples", () => {
  const row = { what: "a", goal: "≤ 5", measured: "4", n: "3", baseLine: "x|y" };
  const page = benchmarksPage([
    {
      name: "first",
      measured: {
        rows: [
          { ...row, bounds: [{ value: 4, most: 5 }] },
          { ...row, bounds: [{ value: 6, most: 5 }] },
        ],
        measuredOn: "2026-01-02",
        machine: "big",
        remark: "in the rain",
      },
    },
    { name: "second", measured: undefined },
  ]);
  expect(page).toContain("| a | ≤ 5 | 4 | 3 | met | x\\|y | 2026-01-02, machine 1; in the rain |");
  expect(page).toContain("| a | ≤ 5 | 4 | 3 | missed |");
  expect(page).toContain("| second |  | – | 0 | not measured |");
  expect(page).toContain("Machine 1: big");
});

test("every bench has a goal in numbers, and claims nothing of an empty result", () => {
  const rows = BENCHES.flatMap((bench) => bench.rows({ results: [{}], churn: [{}], rounds: [{}] }));
  expect(rows.length).toBeGreaterThanOrEqual(BENCHES.length);
  for (const { bounds } of rows) expect(outcomeOf(bounds)).toBe("not measured");
});

test("wrongVerdicts counts who was called down besides the victim, and the victim called down twice", () => {
  const down = (node: string) => ({
    type: "node-status",
    data: { node_id: node, to: "down" },
    atMs: 1,
  });
  const up = { type: "node-status", data: { node_id: "b", to: "up" }, atMs: 2 };
  const nodes = (seen: Parameters<typeof wrongVerdicts>[0]) =>
    wrongVerdicts(seen, "v").map(({ by, nodeId }) => `${by} says ${String(nodeId)}`);
  expect(nodes([[down("v"), up], [down("v")], []])).toEqual([]);
  expect(nodes([[down("v"), down("b")], [down("c")]])).toEqual(["0 says b", "1 says c"]);
  expect(nodes([[down("v"), up, down("v")]])).toEqual(["0 says v"]);
});
