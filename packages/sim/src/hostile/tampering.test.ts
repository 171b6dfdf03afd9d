import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { Fleet } from "../fleet/fleet.ts";
import { calmNetwork } from "../network/network-model.ts";
import { runScenario } from "../run-scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { Tamperer } from "./tampering.ts";

const quiet: Scenario = {
  name: "tampering",
  nodes: 5,
  network: calmNetwork,
  config: {},
  startsMs: [0, 20, 40, 60, 80],
  faults: [],
  liars: [],
  forMs: 90_000,
  beatEveryMs: 5_000,
  patchEveryMs: 3_000,
  sampleEveryMs: 250,
  patience: 1,
};

test("P4 SG1 entries that a member changes, or signs in another's name, are rejected by everybody and shown by nobody", () => {
  const rejected = new Map<number, number>();
  let tamperer: Tamperer | undefined;
  const prepare = (fleet: Fleet): void => {
    tamperer = new Tamperer(fleet, 4);
    fleet.hostile.add(4);
    fleet.add(tamperer);
    fleet.add({
      emitted: (node, event) => {
        if (event.type === "rejected" && event.reason === "signature-bad")
          rejected.set(node.index, (rejected.get(node.index) ?? 0) + 1);
      },
    });
  };
  const { violations } = runScenario(quiet, { seed: 1, createCore, prepare });
  expect(violations).toEqual([]);
  expect(tamperer?.sentCount).toBeGreaterThan(10);
  expect([...rejected.keys()].filter((index) => index !== 4).toSorted((a, b) => a - b)).toEqual([
    0, 1, 2, 3,
  ]);
});

test("P4 P9 a value that nobody wrote, and one that is not shown, are noticed in the end", () => {
  const prepare = (fleet: Fleet): void => {
    const patch = { robot: "bot-0", type: "patch-state", patch: { "field-0": 999 } } as const;
    fleet.at(60_000, () => fleet.node(0).command(patch));
  };
  const { violations } = runScenario(quiet, { seed: 1, createCore, prepare });
  expect(violations.map(({ rule }) => rule)).toContain("P4");
  const forgetful = runScenario(quiet, {
    seed: 1,
    createCore: (ports, identity, config) => {
      const core = createCore(ports, identity, config);
      const robot: typeof core.robot = (id, now) => {
        const view = core.robot(id, now);
        return view === undefined || id !== "bot-1" || identity.name === "node-1"
          ? view
          : { ...view, state: {} };
      };
      return {
        handle: (input, now) => core.handle(input, now),
        fleet: (now) => core.fleet(now),
        authority: (now) => core.authority(now),
        revocation: (node) => core.revocation(node),
        robots: (now) => core.robots(now),
        robotIds: () => core.robotIds(),
        robot,
        explaining: core.explaining,
        introducing: core.introducing,
        exportDocument: () => core.exportDocument(),
      };
    },
  });
  expect(new Set(forgetful.violations.map(({ rule }) => rule))).toEqual(new Set(["P9"]));
});
