/** The checks of self-doubt and of gray failures notice what they are there for (rules PU6, PU7). */
import { createCore } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import type { Fleet } from "../fleet/fleet.ts";
import { withoutSelfDoubt } from "../fleet/sure-core.ts";
import { runScenario } from "../run-scenario.ts";
import { findScenario } from "../scenarios/find-scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";

function scenarioOf(name: string, nodes: number, minutes: number): Scenario {
  const scenario = findScenario(name, { seed: 1, nodes, minutes });
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario;
}

describe("the checks notice", () => {
  test("VE3 who is accused wrongly, and that nobody is who came into reach less than an interval ago", () => {
    const wrongIn = (name: string, nodes: number): number =>
      runScenario(scenarioOf(name, nodes, 3), { seed: 1, createCore }).kpi.wrongAccusations;
    expect(wrongIn("hostile-witnesses", 7)).toBeGreaterThan(100);
    // Whoever is met at the heal is told what stands against others by their last pulses before the cut.
    expect(wrongIn("region-death", 12)).toBe(0);
  });

  test("PU6 a node that does not say that it was away, and who says so has nothing to fear", () => {
    const scenario = scenarioOf("stalls", 5, 2);
    const sure = runScenario(scenario, { seed: 1, createCore: withoutSelfDoubt(createCore) });
    const said = sure.violations.filter(({ rule }) => rule === "PU6").map(({ text }) => text);
    expect(said.join()).toContain("was away, and its next pulse does not say so");
    expect(runScenario(scenario, { seed: 1, createCore }).violations).toEqual([]);
  });

  test("PU7 who is shown up where it is gray, and in trouble where it is well", () => {
    const scenario = scenarioOf("gray-delay", 5, 3);
    const [fault] = scenario.faults;
    if (fault?.type !== "delay") throw new Error("a delay was planned");
    const faults = [{ ...fault, byMs: 1 }];
    const well = runScenario({ ...scenario, faults }, { seed: 1, createCore });
    expect(well.violations.map(({ text }) => text).join()).toContain("most show it up");
    const dead = { type: "crash", how: "kill", downMs: Number.POSITIVE_INFINITY } as const;
    const other = (fault.node + 1) % 5;
    const died = { ...scenario, faults: [fault, { ...dead, atMs: 70_000, node: other }] };
    const troubled = runScenario(died, { seed: 1, createCore });
    expect(troubled.violations.map(({ text }) => text)).toEqual([
      `node ${other} is well, and most show it in trouble`,
    ]);
  });

  test("PU7 who loses what it sends is to be shown late: neither up, nor down as if it were dead", () => {
    const scenario = { ...scenarioOf("gray-loss", 5, 3), expectsGray: true };
    const [fault] = scenario.faults;
    if (fault?.type !== "loss") throw new Error("a loss was planned");
    const said = (share: number, prepare?: (fleet: Fleet) => void): readonly string[] => {
      const changed = { ...scenario, faults: [{ ...fault, share }] };
      const { violations } = runScenario(changed, { seed: 1, createCore, prepare });
      return violations.flatMap(({ rule, text }) => (rule === "PU7" ? [text] : []));
    };
    // Of so many that it comes and goes all the time, and of some that gossip brings all the same.
    expect(said(0.95)).toEqual([]);
    expect(said(0.41)).toEqual([`node ${fault.node} is gray, and most show it up`]);
    const callItDown = (fleet: Fleet): void => {
      const { board, nodes, nowMs } = fleet;
      for (let atMs = 120_000; atMs < 121_500; atMs += 50)
        fleet.at(atMs, () => {
          for (const { index } of nodes)
            board.set(index, fault.node, { status: "down", reason: "quorum", sinceMs: nowMs });
        });
    };
    expect(said(0.95, callItDown)).toEqual([
      `node ${fault.node} lives and loses what it sends, and most do not show it late`,
    ]);
  });
});
