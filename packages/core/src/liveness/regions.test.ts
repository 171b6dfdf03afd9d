import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const START_MS = 15_000;

/** Nodes are named after their region and a number: `eu-1`. */
function fleet(...names: readonly string[]): VirtualNeighbours {
  return fleetOf(names, () => ({}));
}

function fleetOf(
  names: readonly string[],
  config: (node: NodeId) => { readonly pulseEveryMs?: number },
): VirtualNeighbours {
  const regionOf = (node: NodeId): string => node.split("-")[0] ?? "";
  const mesh = new VirtualNeighbours(names, createTestPorts, config, { regionOf });
  mesh.run(START_MS);
  return mesh;
}

function names(region: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${region}-${10 + index}`);
}

/** What those say of these, each pair of words once. */
function said(
  mesh: VirtualNeighbours,
  by: readonly NodeId[],
  of: readonly NodeId[],
): readonly string[] {
  const words = by.flatMap((at) => {
    const { alive, near } = mesh.node(at);
    if (!alive) return [];
    return of.flatMap((node) => {
      if (node === at) return [];
      const standing = near.liveness.subject(node) ?? near.liveness.quiet.ofMember(node);
      return [`${standing?.status} ${standing?.reason ?? ""}`.trim()];
    });
  });
  return [...new Set(words)].toSorted();
}

/** Which regions a node called lost, and which of those back. */
function outagesAt(mesh: VirtualNeighbours, node: NodeId): readonly string[] {
  const changes = mesh.node(node).regions.filter(({ step }) => step !== "settled");
  return changes.map(({ region, step }) => `${region} ${step}`);
}

function verdictsAt(mesh: VirtualNeighbours, node: NodeId): readonly string[] {
  return mesh.node(node).verdicts.map(({ subject, kind }) => `${subject} ${kind}`);
}

describe("regions", () => {
  test("VE4 where the way between two regions is cut each side says so once within 6 s, calls nobody there dead, and goes on judging its own", () => {
    for (const [left, right] of [
      [5, 3],
      [3, 3],
      [6, 2],
    ] as const) {
      const [eu, us] = [names("eu", left), names("us", right)];
      const mesh = fleet(...eu, ...us);
      const cutMs = mesh.nowMs;
      mesh.partition(eu, us);
      mesh.run(10_000);
      for (const node of [...eu, ...us]) {
        const [change] = mesh.node(node).regions;
        expect([node, outagesAt(mesh, node)]).toEqual([
          node,
          [node.startsWith("eu") ? "us lost" : "eu lost"],
        ]);
        expect((change?.atMs ?? Infinity) - cutMs).toBeLessThanOrEqual(6_000);
        expect([node, verdictsAt(mesh, node)]).toEqual([node, []]);
      }
      expect(said(mesh, eu, us)).toEqual(["unknown region-unreachable"]);
      expect(said(mesh, us, eu)).toEqual(["unknown region-unreachable"]);
      expect(said(mesh, eu, eu)).toEqual(["up"]);
      mesh.crash("eu-10");
      mesh.run(6_000);
      expect(said(mesh, eu, ["eu-10"])).toEqual(["down quorum"]);
      expect(said(mesh, us, ["eu-10"])).toEqual(["unknown region-unreachable"]);
      mesh.crash("us-10");
      mesh.run(16_000);
      // Of two that are left in a region one is no majority (rule VE5 is for a fleet of two).
      expect(said(mesh, us, ["us-10"])).toEqual([
        right > 2 ? "down quorum" : "unknown no-majority",
      ]);
    }
  });

  test("VE4 P2 when the way is whole again all are up within 2 s, and the dead of the other side are found", () => {
    const [eu, us] = [names("eu", 4), names("us", 3)];
    const mesh = fleet(...eu, ...us);
    mesh.partition(eu, us);
    mesh.run(8_000);
    mesh.crash("us-10");
    mesh.run(20_000);
    mesh.cut.clear();
    mesh.run(2_000);
    const alive = us.filter((node) => node !== "us-10");
    expect(said(mesh, eu, alive)).toEqual(["up"]);
    expect(said(mesh, us, eu)).toEqual(["up"]);
    expect(outagesAt(mesh, "eu-11")).toEqual(["us lost", "us back"]);
    mesh.run(5_000);
    expect(said(mesh, [...eu, ...us], ["us-10"])).toEqual(["down quorum"]);
  });

  test("VE4 one that dies in another region is down as fast as ever while somebody there is heard, and the last of a region is not", () => {
    const [eu, us] = [names("eu", 4), names("us", 2)];
    const mesh = fleet(...eu, ...us);
    const killedMs = mesh.nowMs;
    mesh.crash("us-10");
    mesh.run(5_000);
    expect(said(mesh, eu, ["us-10"])).toEqual(["down quorum"]);
    for (const node of eu)
      expect((mesh.node(node).verdicts[0]?.atMs ?? Infinity) - killedMs).toBeLessThanOrEqual(4_000);
    mesh.crash("us-11");
    mesh.run(6_000);
    expect(said(mesh, eu, ["us-11"])).toEqual(["unknown region-unreachable"]);
    expect(said(mesh, eu, ["us-10"])).toEqual(["down quorum"]);
  });

  test("VE4 the only node of a region is judged like any other", () => {
    const mesh = fleet(...names("eu", 4), "us-10");
    mesh.crash("us-10");
    mesh.run(5_000);
    expect(said(mesh, names("eu", 4), ["us-10"])).toEqual(["down quorum"]);
    expect(mesh.nodes.flatMap(({ regions }) => regions)).toEqual([]);
  });

  test("VE4 P2 who fell silent together with a region may be on its side of the cut, and is not called dead by the rest of its own", () => {
    const [eu, us] = [names("eu", 3), names("us", 2)];
    const mesh = fleet(...eu, ...us);
    const [small, large] = [
      ["eu-10", "eu-11"],
      ["eu-12", ...us],
    ];
    mesh.partition(small, large);
    mesh.run(30_000);
    expect(outagesAt(mesh, "eu-10")).toEqual(["us lost"]);
    expect(mesh.node("eu-10").verdicts).toEqual([]);
    expect(said(mesh, small, ["eu-12"])).not.toContain("down quorum");
    // The other side has the fleet's majority, and one of that region in its midst.
    expect(said(mesh, large, small)).toEqual(["down quorum"]);
  });

  test("VE4 P8 PU6 a node that hears nobody calls no region lost, unless it is the only one of its own", () => {
    const [eu, us] = [names("eu", 3), names("us", 3)];
    const mesh = fleet(...eu, ...us, "ap-10");
    mesh.partition(["eu-10"], [...eu.slice(1), ...us, "ap-10"]);
    mesh.partition(["ap-10"], [...eu, ...us]);
    mesh.run(20_000);
    expect(outagesAt(mesh, "eu-10")).toEqual([]);
    for (const node of [...us, "eu-11"])
      expect(mesh.node("eu-10").near.liveness.subject(node)?.own).toBeUndefined();
    expect(said(mesh, ["eu-10"], us)).toEqual(["unknown no-majority"]);
    expect(outagesAt(mesh, "ap-10")).toEqual(["eu lost", "us lost"]);
    expect(mesh.node("ap-10").verdicts).toEqual([]);
  });

  test("VE4 a node that does not hear another region, while its neighbours do, calls nothing lost by itself", () => {
    const [eu, us] = [names("eu", 3), names("us", 3)];
    const mesh = fleet(...eu, ...us);
    mesh.partition(["eu-10"], us);
    mesh.run(20_000);
    for (const node of mesh.nodes) expect([node.id, node.regions]).toEqual([node.id, []]);
    expect(mesh.nodes.flatMap(({ verdicts }) => verdicts)).toEqual([]);
  });

  test("VE4 AD1 a slow node that is not missed yet is no sign of life of its region once it is lost", () => {
    const [eu, us] = [names("eu", 4), names("us", 2)];
    for (let phaseMs = 0; phaseMs < 4_000; phaseMs += 500) {
      const mesh = fleetOf([...eu, ...us], (node) =>
        node === "us-11" ? { pulseEveryMs: 4_000 } : {},
      );
      mesh.run(30_000 + phaseMs);
      mesh.partition(eu, us);
      mesh.run(5_000);
      expect(mesh.status("us-11", "eu-10")).toBe("up");
      mesh.run(25_000);
      expect(said(mesh, eu, us)).toEqual(["unknown region-unreachable"]);
      expect(mesh.nodes.flatMap(({ verdicts }) => verdicts)).toEqual([]);
    }
  });

  test("VE4 one accuser of a region that has more does not make another one lost", () => {
    const [eu, us] = [names("eu", 3), names("us", 2)];
    const mesh = fleet(...eu, ...us);
    // Two of three hear nothing of the other region, and what one of them says of it is lost.
    mesh.partition(["eu-10", "eu-11"], us);
    mesh.drop = ({ from, topic }) => from === "eu-11" || (from === "eu-12" && topic !== "pulse");
    mesh.run(8_000);
    expect(outagesAt(mesh, "eu-10")).toEqual([]);
  });

  test("VE4 a quorum of one region waits REGION_WAIT_INTERVALS for a witness of another that says nothing, and not for ever", () => {
    const eu = names("eu", 4);
    const mesh = fleet(...eu, "us-10");
    // It is heard, and neither accuses nor objects.
    mesh.drop = ({ from, topic }) => from === "us-10" && topic === "verdict";
    const killedMs = mesh.nowMs;
    mesh.crash("eu-10");
    mesh.run(10_000);
    expect(said(mesh, ["eu-11"], ["eu-10"])).toEqual(["down quorum"]);
    const tookMs = (mesh.node("eu-11").verdicts[0]?.atMs ?? 0) - killedMs;
    expect(tookMs).toBeGreaterThan(6_000);
    expect(tookMs).toBeLessThan(8_000);
  });

  test.each([
    ["outlive it", false],
    ["are made anew after it", true],
  ])(
    "VE4 PU8 in a fleet of more than 32 each side of a cut says so within 6 s, calls nobody there dead, judges its own, and all are up 20 s after the heal: connections that %s",
    { timeout: 180_000 },
    (_what, isAnew) => {
      const [eu, us] = [names("eu", 24), names("us", 12)];
      const mesh = fleet(...eu, ...us);
      mesh.run(60_000);
      expect(said(mesh, [...eu, ...us], [...eu, ...us])).toEqual(["up"]);
      const cutMs = mesh.nowMs;
      mesh.partition(eu, us);
      mesh.run(20_000);
      for (const node of [...eu, ...us]) {
        const [change] = mesh.node(node).regions;
        expect([node, outagesAt(mesh, node)]).toEqual([
          node,
          [node.startsWith("eu") ? "us lost" : "eu lost"],
        ]);
        expect((change?.atMs ?? Infinity) - cutMs).toBeLessThanOrEqual(6_000);
        expect([node, verdictsAt(mesh, node)]).toEqual([node, []]);
      }
      expect(said(mesh, eu, us)).toEqual(["unknown region-unreachable"]);
      expect(said(mesh, us, eu)).toEqual(["unknown region-unreachable"]);
      expect([said(mesh, eu, eu), said(mesh, us, us)]).toEqual([["up"], ["up"]]);
      for (const node of ["eu-15", "us-15"]) mesh.crash(node);
      mesh.run(6_000);
      expect(said(mesh, eu, ["eu-15"])).toEqual(["down quorum"]);
      expect(said(mesh, us, ["us-15"])).toEqual(["down quorum"]);
      mesh.cut.clear();
      // Connections are made anew, and each side tells the other whom it accuses.
      for (const here of isAnew ? mesh.nodes : [])
        mesh.input(here, () => {
          for (const { id } of mesh.nodes)
            if (id.slice(0, 2) !== here.id.slice(0, 2)) here.near.onPeerUp(id);
        });
      const aliveThere = eu.filter((node) => node !== "eu-15");
      for (let second = 1; second <= 10; second += 1) {
        mesh.run(1_000);
        expect([second, ...said(mesh, aliveThere, aliveThere)]).toEqual([second, "up"]);
      }
      // What the other side knows of its dead is restated every five intervals; nobody is taken for alive before twelve are over.
      mesh.run(10_000);
      const alive = [...eu, ...us].filter((node) => mesh.node(node).alive);
      expect(said(mesh, alive, alive)).toEqual(["up"]);
      expect(said(mesh, alive, ["eu-15", "us-15"])).toEqual(["down quorum"]);
    },
  );
});
