import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { LISTENERS_MAX } from "./neighbourhood.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const ALL: readonly NodeId[] = Array.from({ length: 36 }, (_, index) => `n${10 + index}`);

function fleet(): VirtualNeighbours {
  const mesh = new VirtualNeighbours(
    ALL,
    createTestPorts,
    {},
    {
      regionOf: (node) => (node < "n30" ? "eu" : "us"),
    },
  );
  mesh.run(26_000);
  return mesh;
}

/** What everybody else but `except` says of a node. */
function said(
  mesh: VirtualNeighbours,
  of: NodeId,
  except: readonly NodeId[] = [],
): ReadonlySet<string> {
  return new Set(
    mesh.nodes.flatMap(({ id, near, alive }) => {
      if (id === of || !alive || except.includes(id)) return [];
      const { liveness } = near;
      const standing = liveness.subject(of) ?? liveness.quiet.ofMember(of);
      return [`${standing?.status} ${standing?.reason ?? ""}`.trim()];
    }),
  );
}

describe("a fleet of more than 32", () => {
  test("PU8 each node sends its pulses to its witnesses alone, and everybody shows everybody up", () => {
    const mesh = fleet();
    for (const of of ALL) expect([of, ...said(mesh, of)]).toEqual([of, "up"]);
    mesh.run(70_000);
    const sinceMs = mesh.nowMs;
    mesh.run(20_000);
    const sent = mesh.sent.filter(({ from, atMs }) => from === "n10" && atMs > sinceMs);
    expect(sent.filter(({ topic }) => topic === "direct")).toHaveLength(20 * 8);
    expect(sent.filter(({ topic }) => topic === "pulse").length).toBeLessThanOrEqual(1);
    expect(sent.filter(({ topic }) => topic === "verdict")).toEqual([]);
  });

  test("PU1 PU8 a pulse does not name its author's software, which the roster does, and in a small fleet it does", () => {
    const agentsOf = (mesh: VirtualNeighbours): ReadonlySet<unknown> => {
      const codec = createTestPorts("n10").codec;
      const attachments = mesh.sent
        .filter(({ topic }) => topic === "direct" || topic === "pulse")
        .map(({ bytes }) => codec.decode(bytes) as { readonly x?: Uint8Array | undefined });
      return new Set(
        attachments.flatMap(({ x }) =>
          x === undefined ? [] : [(codec.decode(x) as { readonly v?: unknown }).v],
        ),
      );
    };
    const large = new VirtualNeighbours(ALL, createTestPorts, {});
    large.run(3_000);
    expect(agentsOf(large)).toEqual(new Set([""]));
    const small = new VirtualNeighbours(ALL.slice(0, 3), createTestPorts, {});
    small.run(3_000);
    expect(agentsOf(small)).toEqual(new Set(["t"]));
  });

  test("PU8 SG4 a witness passes on by gossip the pulse that it had straight, and nothing that only looks like it", () => {
    const mesh = fleet();
    // A fleet that has just grown still gossips every pulse: here none comes by gossip.
    mesh.drop = ({ topic }) => topic === "pulse";
    mesh.run(2_000);
    const last = mesh.sent.findLast(({ from, topic }) => from === "n10" && topic === "direct");
    const witness = mesh.node(last?.to ?? "");
    const pulse = last?.bytes ?? new Uint8Array();
    mesh.run(100);
    const gossip = (bytes: Uint8Array): string => {
      let answer = "";
      mesh.input(witness, (now) => (answer = witness.near.onGossipPulse("n11", bytes, now)));
      return answer;
    };
    const { codec } = createTestPorts("n10");
    const changed = (field: string): Uint8Array => {
      const map = codec.decode(pulse) as Record<string, unknown>;
      const bytes = Uint8Array.from(map[field] as Uint8Array);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return codec.encode({ ...map, [field]: bytes });
    };
    const added = codec.encode({ ...(codec.decode(pulse) as object), zz: "more" });
    const wrong = [changed("s"), changed("x"), added];
    expect(wrong.map(gossip)).toEqual(wrong.map(() => "ignore"));
    const heard = witness.near.liveness.newestHeard("n10");
    expect(gossip(pulse)).toBe("accept");
    // Once.
    expect([gossip(added), gossip(pulse)]).toEqual(["ignore", "ignore"]);
    expect(witness.near.liveness.newestHeard("n10")).toEqual(heard);
    mesh.run(3_000);
    // It is the newest one no more.
    expect(gossip(pulse)).toBe("ignore");
    expect(witness.rejects).toEqual([]);
  });

  test("PU8 VE3 a node that was killed is down on all others after 2.5 to 4 seconds, and nobody else is", () => {
    const mesh = fleet();
    const killedMs = mesh.nowMs;
    mesh.crash("n15");
    mesh.run(8_000);
    expect(said(mesh, "n15")).toEqual(new Set(["down quorum"]));
    for (const { id, verdicts, alive } of mesh.nodes) {
      if (!alive) continue;
      expect([id, verdicts.map(({ subject, kind }) => `${subject} ${kind}`)]).toEqual([
        id,
        ["n15 down"],
      ]);
      const afterMs = (verdicts[0]?.atMs ?? Infinity) - killedMs;
      expect(afterMs).toBeGreaterThan(2_000);
      expect(afterMs).toBeLessThanOrEqual(4_000);
    }
    mesh.run(60_000);
    expect(said(mesh, "n15")).toEqual(new Set(["down quorum"]));
    for (const of of ALL) if (of !== "n15") expect([of, ...said(mesh, of)]).toEqual([of, "up"]);
  });

  test("PU8 VE3 a node that was restarted is up on all others within two seconds, and stays up", () => {
    const mesh = fleet();
    mesh.run(70_000);
    mesh.crash("n15");
    mesh.run(20_000);
    mesh.restart("n15", 200);
    mesh.run(2_000);
    expect(said(mesh, "n15")).toEqual(new Set(["up"]));
    mesh.run(60_000);
    expect(said(mesh, "n15")).toEqual(new Set(["up"]));
    for (const of of ALL) expect([of, ...said(mesh, of, ["n15"])]).toEqual([of, "up"]);
  });

  test("PU8 VE3 P2 a verdict that one reader made of accusations that were answered elsewhere ends when those accusers hear the subject again", () => {
    const mesh = fleet();
    mesh.run(70_000);
    const witnesses = mesh.node("n10").near.liveness.electorate.witnessesOf("n15");
    const [deaf, hearing] = [witnesses.slice(0, 5), witnesses.slice(5)];
    const [reader = ""] = ALL.filter((node) => node !== "n15" && !witnesses.includes(node));
    mesh.drop = ({ from, to }) =>
      (from === "n15" && (deaf.includes(to) || to === reader)) ||
      (hearing.includes(from) && to === reader);
    mesh.run(4_500);
    expect(said(mesh, "n15", [reader, ...witnesses])).toEqual(new Set(["up"]));
    expect(mesh.status("n15", reader)).toBe("down");
    for (const node of deaf)
      expect([node, mesh.node(node).near.liveness.subject("n15")?.own]).toEqual([node, undefined]);
    mesh.drop = () => false;
    mesh.run(2_500);
    expect([...said(mesh, "n15")]).not.toContain("down quorum");
  });

  test("PU8 VE2 P2 of a fleet cut 22|14 the larger side says who is gone, and the smaller says down of nobody", () => {
    const mesh = fleet();
    const small = ALL.filter((_, index) => index % 5 < 2);
    const large = ALL.filter((node) => !small.includes(node));
    mesh.partition(small, large);
    mesh.run(15_000);
    for (const { id, verdicts } of mesh.nodes) {
      const down = verdicts.filter(({ kind }) => kind === "down").map(({ subject }) => subject);
      if (small.includes(id)) expect([id, down]).toEqual([id, []]);
      else expect([id, down.filter((node) => large.includes(node))]).toEqual([id, []]);
    }
    mesh.cut.clear();
    mesh.run(40_000);
    for (const of of ALL) expect([of, ...said(mesh, of)]).toEqual([of, "up"]);
  });

  test("PU8 P6 of peers that are no members LISTENERS_MAX are sent every pulse, so that observers see who lives", () => {
    const mesh = fleet();
    mesh.run(70_000);
    const node = mesh.node("n10");
    const peers = Array.from({ length: LISTENERS_MAX + 5 }, (_, index) => `observer-${index}`);
    mesh.input(node, () => {
      for (const peer of peers) node.near.onPeerUp(peer);
    });
    const sinceMs = mesh.nowMs;
    mesh.run(5_000);
    const told = mesh.sent.flatMap(({ from, to, atMs }) =>
      from === "n10" && atMs > sinceMs && to?.startsWith("observer") === true ? [to] : [],
    );
    expect(new Set(told).size).toBe(LISTENERS_MAX);
    expect(told).toHaveLength(5 * LISTENERS_MAX);
  });

  test("PU8 P3 P6 a recorded pulse of a member that was forgotten is neither taken nor handed on", () => {
    const mesh = fleet();
    mesh.run(70_000);
    const at = mesh.node("n20");
    const { electorate } = at.near.liveness;
    const author = ALL.find(
      (node) =>
        node !== "n20" &&
        at.near.liveness.subject(node)?.dating.newest !== undefined &&
        !electorate.isDuty(node) &&
        !electorate.isRecipient(node),
    );
    const recorded = mesh.sent.filter(({ from, topic }) => from === author && topic === "pulse");
    expect(recorded.length).toBeGreaterThan(0);
    mesh.run(200_000);
    expect(at.near.liveness.subject(author ?? "")).toBeUndefined();
    const before = at.rejects.length;
    mesh.input(at, (now) => {
      for (const { bytes } of recorded)
        expect(at.near.onGossipPulse("n11", bytes, now)).toBe("ignore");
    });
    // That a pulse comes twice is common in a large fleet, and is no mark against whoever brings it.
    expect(at.rejects).toHaveLength(before);
  });
});
