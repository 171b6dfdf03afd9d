/** What a node answers to who asks who sees whom (rules VE10, PU7). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { GOSSIP_ROSTER } from "../liveness/rules.ts";
import { VirtualNeighbours } from "../liveness/virtual-neighbours.test-support.ts";
import type { Membership } from "../roster/membership.ts";
import type { Reachability } from "../view/reachability-view.ts";
import type { NodeWitnesses } from "../view/witness-view.ts";
import { reachability } from "./reachability.ts";
import { witnessReport } from "./witness-report.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];

function mesh(names: readonly NodeId[] = FIVE): VirtualNeighbours {
  const net = new VirtualNeighbours(names, createTestPorts);
  net.run(30_000);
  return net;
}

function membershipOf(names: readonly NodeId[]): Membership {
  const members = names.map((node) => ({
    node,
    name: node,
    region: "r",
    agent: "t",
    joinedMonoMs: 0,
  }));
  return {
    members: () => members,
    member: (node) => members.find((member) => member.node === node),
    hasLeft: () => false,
    hasRetired: () => false,
    ending: () => undefined,
    version: 1,
  };
}

function reportAt(net: VirtualNeighbours, at: NodeId, about: NodeId = "na"): NodeWitnesses {
  const { env, near } = net.node(at);
  const now = net.clockOf(net.node(at));
  const report = witnessReport({ env, near, membership: membershipOf(FIVE) }, about, now);
  if (report === undefined) throw new Error(`${at} knows nothing of ${about}`);
  return report;
}

function opinionsAt(net: VirtualNeighbours, at: NodeId, about?: NodeId): readonly string[] {
  return reportAt(net, at, about).witnesses.map(({ node, opinion }) => `${node} ${opinion}`);
}

function pairsAt(net: VirtualNeighbours, at: NodeId): Reachability {
  const { env, near } = net.node(at);
  const deps = { identity: env.identity, near, membership: membershipOf(FIVE) };
  return reachability(deps, net.clockOf(net.node(at)));
}

describe("who sees a node", () => {
  test("VE10 of a live node every witness hears its newest pulse, the answering node first hand", () => {
    const net = mesh();
    const report = reportAt(net, "nb");
    expect([report.status, report.rule, report.members]).toEqual(["up", "VE3", 5]);
    expect(opinionsAt(net, "nb")).toEqual(["nb hears", "nc hears", "nd hears", "ne hears"]);
    expect(report.witnesses.map(({ isSelf }) => isSelf)).toEqual([true, false, false, false]);
    for (const { pulse, ageMs } of report.witnesses) {
      expect(pulse?.boot).toBe(100);
      expect((report.pulse?.seq ?? 0) - (pulse?.seq ?? 0)).toBeLessThanOrEqual(2);
      expect(ageMs).toBeLessThanOrEqual(1_100);
    }
    expect([report.inSight, report.accusers, report.ups]).toEqual([
      { have: 5, need: 3 },
      { have: 0, need: 3 },
      undefined,
    ]);
    expect(report.deadlineWallMs).toBeGreaterThan(net.clockOf(net.node("nb")).wallMs);
    expect(report.verdicts).toEqual([]);
  });

  test("VE10 of a dead node says who accuses it since when, by which rule it is down, and what would end that", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    const report = reportAt(net, "nb");
    expect([report.status, report.reason, report.rule]).toEqual(["down", "quorum", "VE3"]);
    expect(opinionsAt(net, "nb")).toEqual(["nb accuses", "nc accuses", "nd accuses", "ne accuses"]);
    expect(report.accusers).toEqual({ have: 4, need: 3 });
    expect(report.ups).toEqual({ have: 0, need: 3 });
    const [verdict] = report.verdicts;
    expect(verdict?.evidence).toEqual({ accusations: 4, objections: 0, ups: 0 });
    expect(verdict?.pulse).toEqual(report.pulse);
    for (const { sinceWallMs, pulse } of report.witnesses) {
      expect(sinceWallMs).toBeLessThanOrEqual(verdict?.atWallMs ?? 0);
      expect(pulse).toEqual(report.pulse);
    }
  });

  test("VE10 tells apart who hears a node, who misses it and who is silent itself, and names the majority that lacks", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to === "nc";
    net.crash("ne");
    net.run(14_000);
    expect(opinionsAt(net, "nb")).toContain("nb hears");
    expect(opinionsAt(net, "nb")).toContain("ne silent");
    expect(opinionsAt(net, "nb").find((opinion) => opinion.startsWith("nc"))).toMatch(
      /misses|accuses/,
    );
    net.partition(["nb"], ["na", "nc", "nd"]);
    net.run(20_000);
    const report = reportAt(net, "nb");
    expect([report.status, report.reason, report.rule]).toEqual(["unknown", "no-majority", "VE2"]);
    expect(report.inSight).toEqual({ have: 1, need: 3 });
    expect(report.witnesses.find(({ node }) => node === "nc")?.sinceWallMs).toBeDefined();
  });

  test("VE10 of the answering node itself says who hears it, and of a stranger nothing", () => {
    const net = mesh();
    const report = reportAt(net, "na");
    expect([report.status, report.deadlineWallMs]).toEqual(["up", undefined]);
    expect(opinionsAt(net, "na")).toEqual(["nb hears", "nc hears", "nd hears", "ne hears"]);
    const { env, near } = net.node("na");
    const now = net.clockOf(net.node("na"));
    expect(witnessReport({ env, near, membership: membershipOf(FIVE) }, "nx", now)).toBeUndefined();
  });
});

describe("who hears whom", () => {
  const reachOf = (net: VirtualNeighbours, at: NodeId, from: NodeId, to: NodeId): unknown =>
    pairsAt(net, at).pairs.find((pair) => pair.from === from && pair.to === to);

  test("PU7 a cut of one direction shows as one pair that is missed, at every node", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to === "nc";
    net.run(14_000);
    for (const at of ["na", "nb", "nd"]) {
      expect([at, reachOf(net, at, "nc", "na")]).toMatchObject([at, { reach: "missed" }]);
      expect([at, reachOf(net, at, "na", "nc")]).toMatchObject([at, { reach: "heard" }]);
    }
    const { nodes, pairs } = pairsAt(net, "nb");
    expect([nodes.length, pairs.length]).toEqual([5, 20]);
  });

  test("PU7 two that hear a node by others' objections alone say that they miss it, all the time", () => {
    const net = mesh();
    const deaf = ["nc", "nd"];
    net.drop = ({ from, to }) => from === "na" && deaf.includes(to);
    net.run(6_000);
    for (let turn = 0; turn < 60; turn++) {
      net.run(250);
      for (const at of deaf)
        expect([at, turn, reachOf(net, at, at, "na")]).toMatchObject([
          at,
          turn,
          { reach: "missed" },
        ]);
    }
  });

  test("PU7 half of all pulses lost on one link shows as lossy, with the share where it is the own link", () => {
    const net = mesh();
    let count = 0;
    net.drop = ({ from, to, topic }) =>
      topic === "pulse" && from === "na" && to === "nc" && count++ % 2 === 0;
    net.run(25_000);
    expect(reachOf(net, "nb", "nc", "na")).toMatchObject({ reach: "lossy", loss: undefined });
    const own = reachOf(net, "nc", "nc", "na") as { readonly reach: string; readonly loss: number };
    expect(own.reach).toBe("lossy");
    expect(own.loss).toBeGreaterThan(0.4);
    expect(own.loss).toBeLessThan(0.6);
    expect(reachOf(net, "nc", "nc", "nb")).toMatchObject({ reach: "heard", loss: 0 });
  });

  test("PU7 PU8 of a fleet in which each node has witnesses of its own only links are shown of which something is known", () => {
    const names = Array.from(
      { length: GOSSIP_ROSTER + 4 },
      (_, i) => `n${String(i).padStart(2, "0")}`,
    );
    const net = mesh(names);
    net.crash("n00");
    net.run(8_000);
    const { env, near } = net.node("n09");
    const now = net.clockOf(net.node("n09"));
    const membership = membershipOf(names);
    const { pairs } = reachability({ identity: env.identity, near, membership }, now);
    expect(pairs.filter(({ reach }) => reach === "unknown")).toEqual([]);
    expect(pairs.filter(({ from }) => from === "n09").length).toBeGreaterThan(0);
    const of = (to: NodeId): readonly string[] =>
      pairs.filter((pair) => pair.to === to && pair.reach === "missed").map(({ from }) => from);
    // Accusations come to everybody.
    expect(of("n00")).toEqual(near.liveness.electorate.witnessesOf("n00").toSorted());
    const report = witnessReport({ env, near, membership }, "n00", now);
    expect(report?.witnesses.map(({ opinion }) => opinion)).toEqual(of("n00").map(() => "accuses"));
    const alive = witnessReport({ env, near, membership }, "n05", now);
    expect(alive?.status).toBe("up");
    expect(alive?.witnesses.map(({ opinion }) => opinion)).not.toContain("misses");
  });

  test("PU7 of a node that is not heard itself nobody knows whom it hears", () => {
    const net = mesh();
    net.crash("ne");
    net.run(8_000);
    expect(reachOf(net, "nb", "ne", "na")).toMatchObject({ reach: "unknown" });
    expect(reachOf(net, "nb", "na", "ne")).toMatchObject({ reach: "missed" });
  });
});
