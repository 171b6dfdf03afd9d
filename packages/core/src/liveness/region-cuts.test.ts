/** Cuts that do not follow the borders of regions, and what is no sign of a region's life (rules VE4, P2, P3). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const SLOW = { pulseEveryMs: 4_000 };

function fleetOf(
  names: readonly string[],
  config: (node: NodeId) => { readonly pulseEveryMs?: number } = () => ({}),
): VirtualNeighbours {
  const regionOf = (node: NodeId): string => node.split("-")[0] ?? "";
  const mesh = new VirtualNeighbours(names, createTestPorts, config, { regionOf });
  mesh.run(15_000);
  return mesh;
}

function names(region: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${region}-${10 + index}`);
}

/** Of whom these say down. */
function downAt(mesh: VirtualNeighbours, nodes: readonly NodeId[]): readonly string[] {
  const down = nodes.flatMap((node) =>
    mesh.node(node).verdicts.flatMap(({ subject, kind }) => (kind === "down" ? subject : [])),
  );
  return [...new Set(down)].toSorted();
}

const [EU, US] = [names("eu", 3), names("us", 2)];
/** Two of one region are cut from its third and from the other region. */
const SMALL = EU.slice(0, 2);
const LARGE = [...EU.slice(2), ...US];

describe("a cut through a region", () => {
  test("VE4 P2 whose other side has slow nodes makes one side judge, whenever they pulsed last", () => {
    for (let phaseMs = 0; phaseMs < 4_000; phaseMs += 500) {
      const mesh = fleetOf([...EU, ...US], (node) => (node.startsWith("us") ? SLOW : {}));
      mesh.run(30_000 + phaseMs);
      mesh.partition(SMALL, LARGE);
      mesh.run(60_000);
      expect([phaseMs, downAt(mesh, SMALL)]).toEqual([phaseMs, []]);
    }
  });

  test("VE4 P2 PU6 makes one side judge also when nodes of the other are suspended, or start anew, while it lasts", () => {
    const mesh = fleetOf([...EU, ...US]);
    mesh.partition(SMALL, LARGE);
    mesh.run(20_000);
    for (const node of SMALL) mesh.stall(node, 6_000);
    mesh.run(60_000);
    expect(downAt(mesh, SMALL)).toEqual([]);
    const [eu, us] = [names("eu", 7), names("us", 3)];
    const other = fleetOf([...eu, ...us]);
    other.partition(eu.slice(0, 4), [...eu.slice(4), ...us]);
    other.run(20_000);
    for (const node of eu.slice(0, 3)) other.restart(node, 200);
    other.run(40_000);
    expect(downAt(other, eu.slice(0, 4))).toEqual([]);
  });

  test("VE4 P2 PU8 in a fleet of more than 32 makes one side judge", () => {
    const [eu, us] = [names("eu", 20), names("us", 16)];
    const mesh = fleetOf([...eu, ...us], (node) =>
      node.startsWith("us") ? { pulseEveryMs: 3_000 } : {},
    );
    mesh.run(25_000);
    mesh.partition(eu.slice(0, 14), [...eu.slice(14), ...us]);
    mesh.run(25_000);
    expect(downAt(mesh, eu.slice(0, 14))).toEqual([]);
  });
});

describe("beside the loss of a region", () => {
  test.each([
    [0, "unknown"],
    [3_000, "down"],
  ])(
    "VE4 PU8 P3 who dies in the larger one %i ms after a cut is shown up by nobody of a large fleet, and all come to say %s",
    (afterMs, word) => {
      const [eu, us] = [names("eu", 24), names("us", 10)];
      const mesh = fleetOf([...eu, ...us]);
      mesh.run(20_000);
      mesh.partition(eu, us);
      mesh.run(afterMs);
      mesh.crash("eu-11");
      const shown = (): readonly string[] => [
        ...new Set(eu.filter((at) => at !== "eu-11").map((at) => mesh.status("eu-11", at))),
      ];
      mesh.run(8_000);
      expect(shown()).not.toContain("up");
      mesh.run(52_000);
      expect(shown()).toEqual([word]);
      // Nobody else of the larger side is in doubt because of it.
      const living = eu.filter((node) => node !== "eu-11");
      const doubted = living.filter((node) =>
        living.some((at) => at !== node && !["up", "none"].includes(mesh.status(node, at))),
      );
      expect(doubted).toEqual([]);
    },
  );
});

describe("a region", () => {
  test("VE4 P3 that is lost is not heard again by what was said before, however late it is handed over", () => {
    const [eu, us] = [names("eu", 4), names("us", 2)];
    const mesh = fleetOf([...eu, ...us, "ap-10"]);
    mesh.drop = ({ from, to, topic }) =>
      from.startsWith("us") && to.startsWith("eu") && topic === "verdict";
    mesh.crash("ap-10");
    mesh.run(12_000);
    const held = mesh.sent.filter(({ topic, from }) => topic === "verdict" && from === "us-10");
    expect(held.length).toBeGreaterThan(2);
    mesh.drop = () => false;
    mesh.partition(eu, us);
    mesh.run(60_000);
    for (const { bytes } of held.slice(0, 3)) {
      for (const node of eu) mesh.deliver("verdict", bytes, "us-10", mesh.node(node));
      mesh.run(7_000);
    }
    expect(mesh.node("eu-10").regions.map(({ region, step }) => `${region} ${step}`)).toEqual([
      "us lost",
    ]);
  });

  test("VE4 P6 of which one node is heard now and then is said to be lost once in LISTEN_AGAIN_INTERVALS at most", () => {
    const [eu, us] = [names("eu", 4), names("us", 3)];
    const mesh = fleetOf([...eu, ...us]);
    mesh.drop = ({ from, to }) =>
      from.slice(0, 2) !== to.slice(0, 2) && !(mesh.nowMs % 8_000 < 1_200 && from === "us-10");
    mesh.run(300_000);
    const lost = mesh.node("eu-10").regions.filter(({ step }) => step === "lost");
    expect(lost.length).toBeGreaterThan(1);
    for (const [at, { atMs }] of lost.entries())
      if (at > 0) expect(atMs - (lost[at - 1]?.atMs ?? 0)).toBeGreaterThan(8_000);
  });

  test("VE4 PU8 that two witnesses with bad links miss is lost to nobody: others have shown them that it lives", () => {
    const [eu, us] = [names("eu", 34), names("us", 2)];
    const mesh = fleetOf([...eu, ...us]);
    mesh.run(145_000);
    const { electorate } = mesh.node("eu-10").near.liveness;
    const [first, second] = us.map((node, index) =>
      electorate
        .witnessesOf(node)
        .filter((witness) => witness.startsWith("eu"))
        .at(index),
    );
    mesh.drop = ({ from, to, topic }) =>
      from.startsWith("us") && (to === first || to === second) && topic !== "verdict";
    mesh.run(40_000);
    expect(
      mesh.nodes.flatMap(({ id, regions }) => regions.map(({ step }) => `${id} ${step}`)),
    ).toEqual([]);
  });

  test("VE4 VE2 P8 that is one node alone does not take itself for the fleet when it hears nobody", () => {
    const mesh = fleetOf([...names("eu", 4), "ap-10"]);
    mesh.partition(["ap-10"], names("eu", 4));
    mesh.run(10_000);
    const { liveness } = mesh.node("ap-10").near;
    expect(mesh.node("ap-10").regions).toHaveLength(1);
    expect(liveness.electorate.hasRosterMajority(mesh.nowMs)).toBe(false);
    expect(liveness.doubt(mesh.clockOf(mesh.node("ap-10")))).toBe("no-majority");
  });
});
