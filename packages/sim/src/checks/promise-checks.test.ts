/** Checks of excused silence, of evidence and of mute robots notice what they are there for (rules VE1, VE7, VE8, VE9, VE10). */
import { createCore } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import type { Fleet } from "../fleet/fleet.ts";
import { runScenario } from "../run-scenario.ts";
import { findScenario } from "../scenarios/find-scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { RobotCheck } from "./robot-check.ts";

function scenarioOf(name: string, nodes: number, minutes: number): Scenario {
  const scenario = findScenario(name, { seed: 1, nodes, minutes });
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario;
}

/** What is wrong by each rule, in a run that is nobody's fault but that of whoever told the checks otherwise. */
function wrongBy(scenario: Scenario, prepare?: (fleet: Fleet) => void): readonly string[] {
  const { violations } = runScenario(scenario, { seed: 1, createCore, prepare });
  return [...new Set(violations.map(({ rule }) => rule))].toSorted();
}

describe("the checks notice", () => {
  test("VE1 VE9 a verdict about who has left or announced to be away, and none where that was announced", () => {
    for (const name of ["leavers", "maintenance"])
      expect([name, wrongBy(scenarioOf(name, 5, 3))]).toEqual([name, []]);
    const crash = scenarioOf("calm", 5, 2);
    const [fault] = crash.faults;
    if (fault?.type !== "crash") throw new Error("a crash was planned");
    const after = (fleet: Fleet, what: () => void): void => fleet.at(fault.atMs + 1, what);
    const isLeft = (fleet: Fleet): void => after(fleet, () => fleet.truth.left(fault.node));
    const isAway = (fleet: Fleet): void =>
      after(fleet, () => fleet.truth.absent(fault.node, fault.atMs + 60_000));
    expect(wrongBy(crash)).toEqual([]);
    expect(wrongBy(crash, isLeft)).toContain("VE1");
    expect(wrongBy(crash, isAway)).toContain("VE9");
  });

  test("VE8 a verdict in a fleet that has just begun", () => {
    const scenario = scenarioOf("whole-restart", 5, 3);
    expect(wrongBy(scenario)).toEqual([]);
    // Four of five come up, and the fifth is said to have been dead before.
    const startsMs = [0, 100, 200, 300, 400];
    const early: Scenario = {
      ...scenario,
      startsMs,
      faults: [
        { type: "crash", atMs: 5_000, node: 4, how: "kill", downMs: Number.POSITIVE_INFINITY },
      ],
    };
    const wasDead = (fleet: Fleet): void => {
      const since = fleet.truth.deadSinceMs.bind(fleet.truth);
      fleet.truth.deadSinceMs = (node) => (node === 4 ? 0 : since(node));
    };
    expect(wrongBy(early)).toEqual([]);
    expect(wrongBy(early, wasDead)).toContain("VE8");
  });

  test("VE10 a verdict that nobody can prove", () => {
    const mute = (fleet: Fleet): void => {
      for (const node of fleet.nodes) {
        const core = (): { explaining: { bundle: unknown } } | undefined => node.core as never;
        fleet.at(115_000, () => {
          const running = core();
          if (running !== undefined)
            Object.defineProperty(running, "explaining", { value: { bundle: () => "" } });
        });
      }
    };
    expect(wrongBy(scenarioOf("calm", 5, 2), mute)).toEqual(["VE10"]);
  });

  test("VE7 a robot that is called up when its time is over, and one that is called down before", () => {
    const scenario = scenarioOf("mute-robots", 5, 4);
    expect(wrongBy(scenario)).toEqual([]);
    const withPace = (everyMs: number) => (fleet: Fleet) =>
      fleet.add(new RobotCheck(fleet, { everyMs, beatEveryMs: scenario.beatEveryMs }));
    expect(wrongBy(scenario, withPace(5_000))).toEqual(["VE7"]);
    expect(wrongBy(scenario, withPace(50_000))).toEqual(["VE7"]);
  });
});
