import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { robotOf } from "../checks/robot-check.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { calmNetwork } from "../network/network-model.ts";
import { checkScenario, runScenario } from "../run-scenario.ts";
import type { Scenario } from "./scenario.ts";

const NODES = 34;
/** More than one pulse has room for. */
const ROBOTS = Array.from({ length: 200 }, (_, index) => `scanner-eu-${1_000 + index}`);
const CUT = 33;
const RESTARTED = 20;

/** All but one robot do nothing of note; fleets of this size gossip all pulses for the first one and a half minutes. */
const told: Scenario = {
  name: "told",
  nodes: NODES,
  network: calmNetwork,
  config: {},
  startsMs: Array.from({ length: NODES }, (_, index) => (index * 137) % 1_900),
  faults: [],
  liars: [],
  forMs: 0,
  beatEveryMs: 20_000,
  patchEveryMs: 6_000_000,
  sampleEveryMs: 2_000,
  patience: 1,
};

/** What the others say of some robots, each answer once. */
function said(fleet: Fleet, robots: readonly string[], viewers: readonly number[]): string[] {
  const all = viewers.flatMap((index) => {
    const { core, now } = fleet.node(index);
    return robots.map((robot) => {
      const view = core?.robot(robot, now);
      return `${view?.status} ${view?.reason ?? ""}`.trim();
    });
  });
  return [...new Set(all)].toSorted();
}

test("PU8 VE7 when more robots of one home fall silent than a pulse has room for, everybody shows all of them down within seconds, and who was cut off then within ten of the heal", () => {
  const seen: Record<string, readonly string[]> = {};
  const others = Array.from({ length: NODES - 1 }, (_, index) => index + 1);
  const scenario: Scenario = {
    ...told,
    forMs: 152_000,
    faults: [
      {
        type: "cut",
        atMs: 112_000,
        forMs: 28_000,
        groupA: [CUT],
        groupB: [],
        isSilent: true,
        isOneWay: false,
      },
    ],
  };
  checkScenario(scenario, {
    seed: 1,
    createCore,
    prepare: (fleet) => {
      const home = fleet.node(0);
      const beat = (robot: string): void =>
        home.command({ type: "beat", robot, kind: "beat", create: "heartbeat" }, () => {});
      // Down a minute later.
      fleet.at(60_000, () => ROBOTS.forEach(beat));
      fleet.at(118_000, () => (seen["before"] = said(fleet, ROBOTS, others.slice(0, -1))));
      fleet.at(125_000, () => (seen["fallen"] = said(fleet, ROBOTS, others.slice(0, -1))));
      fleet.at(150_000, () => (seen["healed"] = said(fleet, ROBOTS, others)));
    },
  });
  expect(seen).toEqual({ before: ["up"], fallen: ["down missed"], healed: ["down missed"] });
});

test("PU8 a reader that restarts in a settled fleet knows all robots again within 35 seconds", () => {
  const seen: Record<string, readonly string[]> = {};
  const robots = told.startsMs.map((_, index) => robotOf(index));
  const faults = [
    { type: "crash", atMs: 130_000, node: RESTARTED, how: "kill", downMs: 1_000 },
  ] as const;
  const { violations } = runScenario(
    { ...told, forMs: 167_000, faults },
    {
      seed: 1,
      createCore,
      prepare: (fleet) => {
        fleet.at(135_000, () => (seen["soon"] = said(fleet, robots, [RESTARTED])));
        fleet.at(166_000, () => (seen["later"] = said(fleet, robots, [RESTARTED])));
      },
    },
  );
  expect(seen["soon"]).toContain("unknown home-unknown");
  expect(seen["later"]).toEqual(["up"]);
  expect(violations).toEqual([]);
});
