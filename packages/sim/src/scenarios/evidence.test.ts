/** Whatever verdict a node of a fleet in trouble reaches, it can show why, to who was not there (rule VE10). */
import { createCore, verifyVerdict } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "@pulsemesh/testkit";
import { Fleet } from "../fleet/fleet.ts";
import {
  calmNetwork,
  lossyNetwork,
  type NetworkModel,
  stallingNetwork,
} from "../network/network-model.ts";
import { createNodePorts } from "../ports/node-ports.ts";

interface Shown {
  readonly viewer: number;
  readonly result: string;
  readonly findings: readonly string[];
}

/** What each live node can show of each node that it calls down. */
function shownBy(fleet: Fleet): readonly Shown[] {
  const ports = createNodePorts(fleet.shared, fleet.node(0).id, new SeededRandom(1));
  return fleet.nodes.flatMap(({ core, index, now }) => {
    const downs = (core?.fleet(now).nodes ?? []).filter(({ status }) => status === "down");
    return downs.map(({ node }) => {
      const bundle = core?.explaining.bundle(node, now) ?? "";
      const result = verifyVerdict(ports, bundle, { fleet: fleet.authority.fleet });
      if (!result.ok) return { viewer: index, result: result.code, findings: [result.place] };
      const { check } = result;
      expect(core?.explaining.witnesses(node, now)?.rule).toBe(check.needed === 1 ? "VE5" : "VE3");
      return {
        viewer: index,
        result: check.result,
        findings: check.findings.map(({ code }) => code),
      };
    });
  });
}

describe("evidence", () => {
  test.each<readonly [string, number, NetworkModel, readonly number[]]>([
    ["calm", 4, calmNetwork, [2]],
    ["calm", 2, calmNetwork, [1]],
    ["lossy", 5, lossyNetwork, [0]],
    ["lossy", 9, lossyNetwork, [1, 2, 5]],
    ["stalling", 7, stallingNetwork, [3, 4]],
  ])(
    "VE10 on a %s network every verdict of a fleet of %i is shown to be true by each node that reached it",
    (_name, nodes, network, victims) => {
      for (const seed of [1, 2]) {
        const fleet = new Fleet({ seed, nodes, network, createCore });
        for (const node of fleet.nodes) node.start();
        fleet.runUntil(20_000);
        for (const victim of victims) fleet.node(victim).stop("kill");
        fleet.runFor(12_000);
        const live = nodes - victims.length;
        const shown = shownBy(fleet);
        expect([seed, shown.filter(({ result }) => result !== "true")]).toEqual([seed, []]);
        expect(shown.length).toBe(live * victims.length);
        // A reader that starts afresh has its evidence by what the accusers tell it.
        if (live < 4) continue;
        const reader = fleet.nodes.findIndex((_node, index) => !victims.includes(index));
        fleet.node(reader).stop("kill");
        fleet.node(reader).start();
        fleet.runFor(20_000);
        const told = shownBy(fleet).filter(({ viewer }) => viewer === reader);
        expect(told.map(({ result }) => result)).toEqual(victims.map(() => "true"));
      }
    },
  );

  test("VE10 PU8 is as true where the fleet grew while they accused, so that most of them are its witnesses no more", () => {
    const [before, nodes, victims] = [36, 90, [2, 11, 23]];
    const fleet = new Fleet({ seed: 3, nodes, network: calmNetwork, createCore });
    for (const node of fleet.nodes.slice(0, before)) node.start();
    fleet.runUntil(30_000);
    for (const victim of victims) fleet.node(victim).stop("kill");
    fleet.runFor(2_000);
    for (const node of fleet.nodes.slice(before)) node.start();
    fleet.runFor(6_000);
    const shown = shownBy(fleet);
    expect(shown.length).toBeGreaterThanOrEqual((before - victims.length) * victims.length);
    expect(shown.filter(({ result }) => result !== "true")).toEqual([]);
  });
});
