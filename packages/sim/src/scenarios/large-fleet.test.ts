import { createCore, lanConfig } from "@pulsemesh/core";
import { expect, test } from "vitest";
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
  config: lanConfig,
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

test("PU8 VE3 of eighty nodes everybody shows everybody up after 25 intervals, by eight witnesses each, and one that dies is found", () => {
  const up: number[] = [];
  const prepare = (fleet: Fleet): void => {
    for (const atMs of [27_500, 35_900]) fleet.at(atMs, () => up.push(pairsUp(fleet)));
  };
  const { kpi } = checkScenario(largeFleet, { seed: 1, createCore, prepare });
  expect(up).toEqual([NODES * (NODES - 1), (NODES - 1) * (NODES - 2)]);
  expect([kpi.deaths, kpi.falseVerdicts]).toEqual([1, 0]);
});
