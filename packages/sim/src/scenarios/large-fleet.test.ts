import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { robotOf } from "../checks/robot-check.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { calmNetwork } from "../network/network-model.ts";
import { checkScenario } from "../run-scenario.ts";
import type { Scenario } from "./scenario.ts";

const NODES = 80;

/** A death, and the rest just lives. */
const largeFleet: Scenario = {
  name: "large",
  nodes: NODES,
  network: calmNetwork,
  config: {},
  startsMs: Array.from({ length: NODES }, (_, index) => (index * 137) % 1_900),
  faults: [{ type: "crash", atMs: 28_000, node: 3, how: "kill", downMs: Number.POSITIVE_INFINITY }],
  liars: [],
  forMs: 36_000,
  beatEveryMs: 2_000,
  patchEveryMs: 600_000,
  sampleEveryMs: 1_000,
  patience: 1,
};

/** How many live nodes say of how many others that they are up. */
function pairsUp(fleet: Fleet): number {
  let pairs = 0;
  for (const { index: viewer } of fleet.nodes) {
    if (!fleet.truth.isLive(viewer)) continue;
    for (const { index } of fleet.nodes)
      if (index !== viewer && fleet.statusOf(viewer, index).status === "up") pairs += 1;
  }
  return pairs;
}

/** What came of asking for each robot, and how old the newest beat was then, in ms. */
interface Answer {
  readonly outcome: string;
  readonly waitedMs: number;
  readonly ageMs: number;
}

/** A node asks about one robot after the other (rule PU9). */
function askAll(fleet: Fleet, asker: number, robots: readonly number[]): Answer[] {
  const answers: Answer[] = [];
  const node = fleet.node(asker);
  for (const [at, index] of robots.entries()) {
    const robot = robotOf(index);
    fleet.at(30_000 + at * 400, () =>
      node.command({ type: "ask", robot }, (result) => {
        const [asked] = result.ok ? (result.asked ?? []) : [];
        const ageMs = node.core?.robot(robot, node.now)?.ageMs ?? Infinity;
        answers.push({
          outcome: asked?.outcome ?? "heard",
          waitedMs: asked?.waitedMs ?? 0,
          ageMs,
        });
      }),
    );
  }
  return answers;
}

test("PU8 VE3 of eighty nodes everybody shows everybody up after 25 intervals, by eight witnesses each, one that dies is found, and homes that are asked answer (PU9)", () => {
  const up: number[] = [];
  let answers: Answer[] = [];
  const prepare = (fleet: Fleet): void => {
    answers = askAll(fleet, 5, [10, 11, 12, 13, 14, 15, 16, 17]);
    for (const atMs of [27_500, 35_900]) fleet.at(atMs, () => up.push(pairsUp(fleet)));
  };
  const { kpi } = checkScenario(largeFleet, { seed: 1, createCore, prepare });
  expect(up).toEqual([NODES * (NODES - 1), (NODES - 1) * (NODES - 2)]);
  expect([kpi.deaths, kpi.falseVerdicts]).toEqual([1, 0]);
  expect(answers).toHaveLength(8);
  expect(answers.filter(({ outcome }) => outcome === "answered").length).toBeGreaterThan(4);
  for (const { outcome, waitedMs, ageMs } of answers) {
    expect(["answered", "heard"]).toContain(outcome);
    expect(waitedMs).toBeLessThan(1_000);
    // A beat every two seconds, the home's newest pulse is up to a second old, and wall clocks are wrong by two.
    expect(ageMs).toBeLessThan(3_500 + 2 * 2_000);
  }
});
