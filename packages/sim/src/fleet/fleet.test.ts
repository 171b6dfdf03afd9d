import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { calmNetwork } from "../network/network-model.ts";
import { checkScenario } from "../run-scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { Fleet } from "./fleet.ts";

test("ME1 PU8 every node shows each member in the region that a scenario gives it", () => {
  const regions = ["eu", "us", "us", "ap", "us"];
  const fleet = new Fleet({ seed: 1, nodes: 5, network: calmNetwork, createCore, regions });
  for (const node of fleet.nodes) node.start();
  fleet.runFor(5_000);
  for (const { core, index, now } of fleet.nodes) {
    const view = core?.fleet(now);
    expect(view?.self.region).toBe(regions[index]);
    expect(view?.nodes).toHaveLength(4);
    for (const { node, region } of view?.nodes ?? [])
      expect(region).toBe(regions[fleet.indexOf(node) ?? -1]);
  }
});

test("P5 PU3 CH1 a node that comes back with a fresh disk is found alive, uses no number twice and is one with the others", () => {
  const nodes = 5;
  const scenario: Scenario = {
    name: "fresh-disk",
    nodes,
    network: calmNetwork,
    config: {},
    startsMs: Array.from({ length: nodes }, (_, index) => index * 20),
    faults: [
      { type: "crash", atMs: 40_000, node: 0, how: "power", downMs: 10_000, isDiskLost: true },
    ],
    liars: [],
    forMs: 120_000,
    beatEveryMs: 5_000,
    patchEveryMs: 7_000,
    sampleEveryMs: 100,
    patience: 1,
  };
  const rows: number[] = [];
  const prepare = (fleet: Fleet): void => {
    for (const atMs of [39_999, 45_000])
      fleet.at(atMs, () => rows.push(fleet.node(0).disk.scan({ gte: "", lt: "~" }).length));
  };
  checkScenario(scenario, { seed: 1, createCore, prepare });
  expect(rows[0]).toBeGreaterThan(0);
  expect(rows[1]).toBe(0);
});
