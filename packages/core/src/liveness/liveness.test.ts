/** What one node makes of others' pulses and words (rules PU1, PU4, PU6, PU7, VE3), in a virtual mesh of five. */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { sealPulse } from "../pulse/pulse-codec.ts";
import { evidenceOf, lie, pulsesOf, saidBy } from "./said.test-support.ts";
import { Subject } from "./subject.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];
const EMPTY = { agent: "t", heard: [], heads: [], auditSize: 0, missing: [], beats: [] };

function mesh(): VirtualNeighbours {
  const net = new VirtualNeighbours(FIVE, createTestPorts);
  net.run(10_300);
  return net;
}

function subjectAt(net: VirtualNeighbours, at: NodeId, of: NodeId = "na"): Subject {
  const subject = net.node(at).near.liveness.subject(of);
  if (subject === undefined) throw new Error(`${at} does not follow ${of}`);
  return subject;
}

describe("promised intervals", () => {
  test("PU1 a longer interval counts when three pulses in a row have announced it, a shorter one at once", () => {
    const net = mesh();
    net.crash("na");
    const { env } = net.node("na");
    const last = evidenceOf(net, pulsesOf(net, "na", 0).at(-1)?.bytes ?? new Uint8Array()).header;
    const counted = [5_000, 5_000, 1_000, 5_000, 5_000, 5_000, 2_000].map((intervalMs, index) => {
      const header = {
        ...last,
        seq: last.seq + 1 + index,
        upMs: last.upMs + 100 * index,
        intervalMs,
      };
      const bytes = sealPulse(env, header, { ...EMPTY, auditHash: new Uint8Array(32) });
      net.deliver("pulse", bytes, "na", net.node("nb"));
      net.run(100);
      return subjectAt(net, "nb").intervalMs;
    });
    expect(counted).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 5_000, 2_000]);
  });
});

describe("words of others", () => {
  test("VE3 P2 an accusation of a pulse that nobody has shown is not believed, and stands for nothing later", () => {
    const net = mesh();
    for (const liar of ["nb", "nc", "nd"])
      lie(net, liar, { kind: "accuse", about: "na", name: { boot: 100, seq: 15 } });
    expect(subjectAt(net, "ne").accusations.size).toBe(0);
    net.run(20_000);
    expect(net.status("na", "ne")).toBe("up");
  });

  test("VE3 P3 an objection with a newer pulse that is dated past the deadline takes no accusation back", () => {
    const net = mesh();
    net.drop = ({ from, topic }) => from === "na" && topic === "pulse";
    net.run(1_500);
    const kept = pulsesOf(net, "na", 10_300).map(({ bytes }) => evidenceOf(net, bytes));
    expect(kept.length).toBeGreaterThan(0);
    net.crash("na");
    net.run(5_000);
    net.node("ne").alive = false;
    const before = ["nb", "nc", "nd"].map((at) => subjectAt(net, at).objectedRunning);
    for (const evidence of kept) {
      lie(net, "ne", { kind: "object", about: "na", evidence });
      for (const at of ["nb", "nc", "nd"]) expect(subjectAt(net, at).own).toBeDefined();
      net.run(100);
    }
    expect(["nb", "nc", "nd"].map((at) => subjectAt(net, at).objectedRunning)).toEqual(before);
  });

  test("PU5 VE3 a node that begins anew is told at once what stands, and need not wait for a restatement", () => {
    const net = mesh();
    net.crash("na");
    net.run(12_000);
    const spoken = (): number =>
      saidBy(net, "nb", 0).filter(({ kind }) => kind === "accuse").length;
    for (const before = spoken(); spoken() === before;) net.run(10);
    net.run(200);
    net.restart("ne", 200);
    net.run(2_000);
    expect([net.status("na", "ne"), net.reason("na", "ne")]).toEqual(["down", "quorum"]);
  });
});

describe("a node that was away", () => {
  test("PU6 P2 it makes no verdict within an interval of waking, though a quorum accuses meanwhile", () => {
    for (let stallMs = 1_400; stallMs <= 3_400; stallMs += 200) {
      const net = mesh();
      net.crash("na");
      net.run(200);
      net.stall("ne", stallMs);
      net.run(stallMs);
      const awakeMs = net.nowMs;
      net.run(10_000);
      const [verdict] = net.node("ne").verdicts;
      expect(verdict?.kind).toBe("down");
      expect((verdict?.atMs ?? 0) - awakeMs).toBeGreaterThanOrEqual(1_000);
    }
  });
});

describe("a bad link", () => {
  /** Every second pulse of `na` is lost on the way to each of `deaf`. */
  function lossyTo(deaf: readonly NodeId[]): VirtualNeighbours {
    const net = mesh();
    const counts = new Map<NodeId, number>();
    net.drop = ({ from, to, topic }) => {
      if (from !== "na" || topic !== "pulse" || !deaf.includes(to)) return false;
      const count = (counts.get(to) ?? 0) + 1;
      counts.set(to, count);
      return count % 2 === 0;
    };
    net.run(40_000);
    return net;
  }

  test("PU7 a node that one or two of four witnesses miss half of is up, one that three miss is lossy, everywhere", () => {
    for (const deaf of [["nb"], ["nb", "nc"]])
      for (const at of FIVE.slice(1))
        expect([at, lossyTo(deaf).status("na", at)]).toEqual([at, "up"]);
    const net = lossyTo(["nb", "nc", "nd"]);
    for (const at of FIVE.slice(1))
      expect([at, net.status("na", at), net.reason("na", at)]).toEqual([at, "late", "lossy"]);
  });
});

describe("a subject", () => {
  const subject = (): Subject => new Subject("na", 1_000, { monoMs: 0, wallMs: 0 });

  test("PU7 reversals more than ten minutes apart are no flapping", () => {
    const calm = subject();
    calm.reversalsMonoMs = [0, 600_001];
    expect(calm.isFlapping(600_002)).toBe(false);
    calm.reversalsMonoMs = [1_000, 600_001];
    expect(calm.isFlapping(600_002)).toBe(true);
    expect(calm.isFlapping(660_001)).toBe(false);
  });

  test("PU4 a newer boot that stays undated counts as silent from its last arrival", () => {
    const reborn = subject();
    reborn.dating.onPulse({ boot: 1, seq: 1, upMs: 0, intervalMs: 1_000 }, 20_000, true);
    reborn.datedSinceBase = true;
    expect(reborn.silentSinceMonoMs).toBe(20_000);
    for (const arrivalMs of [22_000, 25_000]) {
      const seq = arrivalMs;
      reborn.dating.onPulse({ boot: 2, seq, upMs: seq, intervalMs: 1_000 }, arrivalMs, false);
      expect(reborn.silentSinceMonoMs).toBe(arrivalMs);
      expect([reborn.isFresh(arrivalMs), reborn.isUndated(arrivalMs)]).toEqual([
        arrivalMs === 22_000,
        true,
      ]);
    }
    expect(reborn.isUndated(25_000 + 3_201)).toBe(false);
  });
});
