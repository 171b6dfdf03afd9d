/** What members try beyond their grants, and what others make of it. */
import { AUTHORITY_EPOCH_S, CoreRig, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Command } from "../command.ts";
import { HostileMesh } from "./hostile-mesh.test-support.ts";

const fleet = new TestAuthority();
const HONEST = ["a", "b", "c"];

/** Can read no statement, so it does whatever it likes. */
function lawless(node: string): CoreRig {
  const ports = {
    ...createTestPorts(node),
    tokens: { read: () => undefined, signerOf: () => undefined },
  };
  return new CoreRig(node, { fleet: fleet.fleet, ports });
}

function lawful(node: string, ...more: readonly string[]): CoreRig {
  const statements = [fleet.root(), ...HONEST.map((each) => fleet.grant(each)), ...more];
  return new CoreRig(node, { fleet: fleet.fleet, config: { statements } });
}

const beat = (robot: string): Command => ({
  type: "beat",
  robot,
  kind: "beat",
  create: "heartbeat",
});

const rosterOf = (rig: CoreRig): readonly string[] =>
  rig.core.fleet(rig.now).nodes.map(({ node }) => node);
const statusOf = (rig: CoreRig, node: string): string | undefined =>
  rig.core.fleet(rig.now).nodes.find((each) => each.node === node)?.status;

test("ME1, P3 what a member's pulses say of robots beyond its grant counts nowhere: it shows no dead one alive", () => {
  const grant = fleet.grant("m", { robots: ["zap-*"] });
  const [evil, a, b, c] = [
    lawless("m"),
    lawful("a", grant),
    lawful("b", grant),
    lawful("c", grant),
  ];
  const net = new HostileMesh([evil, a, b, c]);
  net.run(3_000);
  net.command(b, beat("bank-1"));
  net.run(3_000);
  expect(a.core.robot("bank-1", a.now)?.status).toBe("up");
  net.muted.add("b");
  net.command(evil, beat("zap-1"));
  net.command(evil, beat("bank-1"));
  net.run(20_000);
  expect(statusOf(a, "b")).toBe("down");
  expect(a.core.robot("zap-1", a.now)?.status).toBe("up");
  expect(a.core.robot("bank-1", a.now)?.status).toBe("down");
  expect([...net.refusals]).toContain("a<m: robot-not-granted");
});

test("ME1, P3 robots that its newest grant covers no more are nobody's, whatever their home goes on saying", () => {
  const [evil, a] = [lawless("m"), lawful("a", fleet.grant("m"))];
  const net = new HostileMesh([evil, a]);
  net.run(3_000);
  for (const robot of ["zap-1", "bank-1"]) net.command(evil, beat(robot));
  net.run(3_000);
  expect(a.core.robot("bank-1", a.now)?.status).toBe("up");
  const token = fleet.grant("m", { robots: ["zap-*"], issuedS: AUTHORITY_EPOCH_S + 1 });
  net.command(a, { type: "statement", token });
  net.run(3_000);
  expect(a.core.robot("zap-1", a.now)?.status).toBe("up");
  expect(a.core.robot("bank-1", a.now)?.status).not.toBe("up");
});

test("ME3, VE1 a member that is made an observer leaves the roster, and its votes count for nothing", () => {
  const rigs = [lawful("a"), lawful("b"), lawful("c")];
  const evil = lawless("m");
  const net = new HostileMesh([...rigs, evil]);
  const [a, b] = rigs as [CoreRig, CoreRig];
  net.command(a, { type: "statement", token: fleet.grant("m") });
  net.run(5_000);
  expect(rosterOf(a)).toContain("m");
  const observer = { roles: ["observer"], robots: [], issuedS: AUTHORITY_EPOCH_S + 1 } as const;
  net.command(a, { type: "statement", token: fleet.grant("m", observer) });
  net.run(1_000);
  for (const rig of [a, b]) {
    expect(rosterOf(rig)).not.toContain("m");
    expect(rig.core.fleet(rig.now).roster).toBe(3);
    expect(rig.core.fleet(rig.now).inSight).toBe(3);
  }
  // Two of three are a majority: with the observer's vote one would be enough.
  for (const node of ["b", "c"]) net.muted.add(node);
  net.run(10_000);
  expect(statusOf(a, "b")).toBe("unknown");
});

test("ME3, VE1 pulses of a node without a grant that a member hands on make nobody a member and no robot alive", () => {
  const [evil, a] = [lawless("x"), lawful("a")];
  const net = new HostileMesh([evil, a, lawful("b")]);
  net.run(2_000);
  net.command(evil, beat("zap-1"));
  net.run(5_000);
  expect(rosterOf(a)).not.toContain("x");
  expect(a.core.robot("zap-1", a.now)).toBeUndefined();
  expect(statusOf(a, "b")).toBe("up");
  expect([...net.refusals]).toContain("a<x: pulse-stranger");
});

test("ME3, VE1 what an observer writes and beats all the same is stored and shown by no peer", () => {
  const grant = fleet.grant("m", { roles: ["observer"], robots: [] });
  const [evil, a, b] = [lawless("m"), lawful("a", grant), lawful("b", grant)];
  const net = new HostileMesh([evil, a, b]);
  net.run(2_000);
  net.command(evil, beat("zap-1"));
  net.command(evil, { type: "patch-state", robot: "zap-1", patch: { task: "mine" } });
  net.run(5_000);
  for (const rig of [a, b]) {
    expect(rosterOf(rig)).not.toContain("m");
    expect(rig.core.robotIds()).toEqual([]);
    expect([...rig.rows.keys()].filter((key) => key.includes("/m/"))).toEqual([]);
    expect([...net.refusals]).toContain(`${rig.node}<m: author-observer`);
  }
});

test("ME4 a member that is down by verdict keeps its grant, and is let in and up again when it comes", () => {
  const [a, b, c] = [lawful("a"), lawful("b"), lawful("c")];
  const net = new HostileMesh([a, b, c]);
  net.run(3_000);
  net.muted.add("b");
  net.run(20_000);
  expect([statusOf(a, "b"), statusOf(c, "b")]).toEqual(["down", "down"]);
  const { grants } = a.core.authority(a.now);
  expect(grants.find(({ node }) => node === "b")?.standing).toBe("granted");
  const [answer] = a.input({ type: "hello", from: "b", grant: fleet.grant("b") });
  expect(answer).toEqual({ type: "admit", refusal: undefined });
  net.muted.delete("b");
  net.run(5_000);
  expect([statusOf(a, "b"), statusOf(c, "b")]).toEqual(["up", "up"]);
});
