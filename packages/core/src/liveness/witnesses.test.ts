/** What accusations, objections and verdicts are worth where messages are lost and witnesses lie (rules VE2, VE3, PU5). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import type { Evidence } from "./observation-codec.ts";
import { evidenceOf, lie, pulsesOf, saidBy } from "./said.test-support.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];
const OTHERS = FIVE.slice(1);

function mesh(): VirtualNeighbours {
  const net = new VirtualNeighbours(FIVE, createTestPorts);
  net.run(10_000);
  return net;
}

/** Who has ever said `down` of `na`. */
function saidDown(net: VirtualNeighbours): readonly NodeId[] {
  return net.nodes
    .filter(({ verdicts }) => verdicts.some(({ subject }) => subject === "na"))
    .map(({ id }) => id);
}

function allOf(net: VirtualNeighbours, at: readonly NodeId[] = OTHERS): readonly string[] {
  return at.map((node) => net.status("na", node));
}

/** The newest pulse that `na` sent, as evidence. */
function newestOf(net: VirtualNeighbours): Evidence {
  return evidenceOf(net, pulsesOf(net, "na", 0).at(-1)?.bytes ?? new Uint8Array());
}

describe("witnesses", () => {
  test("VE2 P2 two of four witnesses that hear nothing, not even objections, are too few for a verdict", () => {
    const net = mesh();
    net.drop = ({ from, to, topic }) =>
      (from === "na" && (to === "nb" || to === "nc")) ||
      (topic !== "pulse" && (from === "nd" || from === "ne"));
    net.run(60_000);
    expect(saidDown(net)).toEqual([]);
    expect(allOf(net)).not.toContain("down");
  });

  test("VE2 VE3 who sees a majority of which too few accuse, and too few hear, does not know for want of a quorum", () => {
    const net = mesh();
    const deaf = ["nb", "nc"];
    net.drop = ({ from, to, topic }) =>
      (from === "na" && deaf.includes(to)) || (topic !== "pulse" && !deaf.includes(from));
    net.run(8_000);
    for (const at of deaf)
      expect([at, net.status("na", at), net.reason("na", at)]).toEqual([at, "late", "suspected"]);
    net.run(52_000);
    for (const at of deaf) {
      expect([at, net.status("na", at), net.reason("na", at)]).toEqual([
        at,
        "unknown",
        "no-quorum",
      ]);
      expect(net.node(at).near.liveness.doubt(net.clockOf(net.node(at)))).toBeUndefined();
    }
    net.partition(deaf, ["nd", "ne"]);
    net.run(4_000);
    expect([net.status("na", "nb"), net.reason("na", "nb")]).toEqual(["unknown", "no-majority"]);
  });

  test("VE3 P2 a node that one witness still hears is never down: its objections stop the other three", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to !== "ne";
    net.run(60_000);
    expect(saidDown(net)).toEqual([]);
    expect(allOf(net)).not.toContain("down");
  });

  test("VE3 P2 no verdict stands before settleMs have passed since the accusation that made the quorum", () => {
    const net = mesh();
    const late = ["nd", "ne"];
    const accusedMs = (by: NodeId): readonly number[] =>
      saidBy(net, by, 10_000).flatMap(({ kind, atMs }) => (kind === "accuse" ? [atMs] : []));
    // The first two words of two are lost, so that the third of each quorum is heard by its second repeat.
    net.drop = ({ from, topic }) =>
      topic !== "pulse" && late.includes(from) && accusedMs(from).length < 3;
    net.crash("na");
    net.run(8_000);
    const decidingMs = Math.min(...late.map((by) => accusedMs(by)[2] ?? Infinity));
    for (const reader of ["nb", "nc"]) {
      const verdictMs = net.node(reader).verdicts[0]?.atMs ?? 0;
      expect((accusedMs(reader)[0] ?? 0) + 300).toBeLessThanOrEqual(decidingMs + 1);
      expect(verdictMs - decidingMs).toBeGreaterThanOrEqual(300);
      expect(verdictMs - decidingMs).toBeLessThan(400);
    }
  });

  test("VE3 a verdict outlives its accusers: restarted ones take it back from nobody", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    expect(new Set(allOf(net))).toEqual(new Set(["down"]));
    net.crash("nb");
    net.crash("nc");
    net.run(1_000);
    net.restart("nb", 200);
    net.restart("nc", 200);
    for (let second = 0; second < 40; second++) {
      net.run(1_000);
      expect([second, ...allOf(net, ["nd", "ne"])]).toEqual([second, "down", "down"]);
    }
    expect(new Set(allOf(net))).toEqual(new Set(["down"]));
  });

  test("VE3 a verdict turns to unknown when the majority was out of sight for twelve intervals", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    net.partition(["ne"], ["nb", "nc", "nd"]);
    net.run(11_000);
    expect(net.status("na", "ne")).toBe("down");
    net.run(5_000);
    expect(net.status("na", "ne")).toBe("unknown");
    expect(allOf(net, ["nb", "nc", "nd"])).toEqual(["down", "down", "down"]);
  });

  test("VE3 P2 one hostile accuser, and two, bring no verdict over a node that lives", () => {
    for (const liars of [["nb"], ["nb", "nc"]]) {
      const net = mesh();
      for (let step = 0; step < 200; step++) {
        for (const liar of liars)
          lie(net, liar, { kind: "accuse", about: "na", evidence: newestOf(net) });
        net.run(100);
        expect(allOf(net)).toEqual(["up", "up", "up", "up"]);
      }
      expect(saidDown(net)).toEqual([]);
    }
  });

  test("VE3 SG1 an objection with a header that the dead node never signed saves nobody", () => {
    const net = mesh();
    net.crash("na");
    const { envelope, header } = newestOf(net);
    for (let step = 0; step < 80; step++) {
      const seq = header.seq + 1 + step;
      const body = net.node("nb").env.ports.codec.decode(envelope.body) as object;
      const upMs = header.upMs + step * 100;
      const forged = {
        ...envelope,
        body: net.node("nb").env.ports.codec.encode({ ...body, q: seq, u: upMs }),
      };
      lie(net, "nb", {
        kind: "object",
        about: "na",
        evidence: { envelope: forged, header: { ...header, seq, upMs } },
      });
      net.run(100);
    }
    expect(allOf(net, ["nc", "nd", "ne"])).toEqual(["down", "down", "down"]);
  });

  test("VE3 P3 one witness that states up, with a pulse that it kept for itself, ends no verdict", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to !== "nb";
    net.run(1_100);
    const kept = newestOf(net);
    net.crash("na");
    net.node("nb").alive = false;
    net.drop = () => false;
    net.run(8_000);
    expect(allOf(net, ["nc", "nd", "ne"])).toEqual(["down", "down", "down"]);
    for (let step = 0; step < 20; step++) {
      lie(net, "nb", { kind: "up", about: "na", evidence: kept });
      expect(allOf(net, ["nc", "nd", "ne"])).toEqual(["down", "down", "down"]);
      net.run(500);
      expect(allOf(net, ["nc", "nd", "ne"])).toEqual(["down", "down", "down"]);
    }
    const kinds = ["nc", "nd", "ne"].flatMap((at) =>
      net.node(at).verdicts.flatMap(({ subject, kind }) => (subject === "na" ? [kind] : [])),
    );
    expect(kinds).toEqual(["down", "down", "down"]);
  });

  test("PU5 P3 evidence is history: a newest pulse that came as evidence alone shows nobody up", () => {
    const net = mesh();
    net.drop = ({ from }) => from === "na";
    net.run(1_100);
    const kept = newestOf(net);
    net.crash("na");
    net.run(6_000);
    expect(allOf(net)).toEqual(["down", "down", "down", "down"]);
    for (let step = 0; step < 10; step++) {
      lie(net, "nb", { kind: "object", about: "na", evidence: kept });
      net.run(500);
      expect(allOf(net, ["nc", "nd", "ne"])).toEqual(["down", "down", "down"]);
    }
  });

  test("PU5 P3 evidence is history for who has just begun as well, and never heard its author", () => {
    const net = mesh();
    const kept = newestOf(net);
    net.crash("na");
    net.run(6_000);
    net.restart("nc", 200);
    for (let step = 0; step < 30; step++) {
      lie(net, "nb", { kind: "object", about: "na", evidence: kept });
      net.run(500);
      expect(["unknown", "late", "down"]).toContain(net.status("na", "nc"));
    }
    expect(net.status("na", "nc")).toBe("down");
  });

  test("VE0 a connection that closes says nothing: who is silent for two seconds then is up all the time, and accused by nobody", () => {
    const net = mesh();
    net.drop = ({ from }) => from === "na";
    for (const other of OTHERS)
      net.input(net.node(other), () => net.node(other).near.onPeerDown("na"));
    for (let step = 0; step < 20; step++) {
      net.run(100);
      expect(allOf(net)).toEqual(["up", "up", "up", "up"]);
    }
    net.drop = () => false;
    net.run(3_000);
    expect(net.sent.filter(({ topic }) => topic === "verdict")).toEqual([]);
    expect(allOf(net)).toEqual(["up", "up", "up", "up"]);
  });

  test("PU7 a node whose pulses arrive, but dated past the deadline, is unknown: delayed, and nobody says down", () => {
    const net = mesh();
    const held: { readonly bytes: Uint8Array; readonly dueMs: number }[] = [];
    net.drop = ({ from, topic }) => from === "na" && topic === "pulse";
    let read = net.sent.length;
    for (let step = 0; step < 400; step++) {
      net.run(50);
      for (const { from, topic, bytes, atMs } of net.sent.slice(read))
        if (from === "na" && topic === "pulse")
          held.push({ bytes, dueMs: atMs + Math.min(8_000, (atMs - 10_000) / 2) });
      read = net.sent.length;
      while ((held[0]?.dueMs ?? Infinity) <= net.nowMs) {
        const { bytes } = held.shift() as { bytes: Uint8Array };
        for (const node of OTHERS) net.deliver("pulse", bytes, "na", net.node(node));
      }
    }
    expect(saidDown(net)).toEqual([]);
    expect(new Set(allOf(net))).toEqual(new Set(["unknown"]));
    expect(new Set(OTHERS.map((node) => net.reason("na", node)))).toEqual(new Set(["delayed"]));
  });
});
