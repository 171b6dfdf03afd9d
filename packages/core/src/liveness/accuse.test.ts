/** How often a witness speaks, and when it may not (rules VE2, VE3, PU1), by what goes over the wire of a virtual mesh. */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import {
  ANSWER_EVERY_MS,
  OBJECT_INTERVALS,
  RESTATE_INTERVALS,
  STANDING_INTERVALS,
} from "./rules.ts";
import { evidenceOf, lie, pulsesOf, saidBy } from "./said.test-support.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];

function mesh(): VirtualNeighbours {
  const net = new VirtualNeighbours(FIVE, createTestPorts);
  net.run(10_300);
  return net;
}

describe("a witness", () => {
  test("VE3 an accusation is repeated after 250, 500, 750, 1,000 and 1,250 ms, 2 s and 3 s, and restated every five intervals", () => {
    const net = mesh();
    net.crash("na");
    net.run(40_000);
    for (const by of FIVE.slice(1)) {
      const times = saidBy(net, by, 10_300)
        .filter(({ kind }) => kind === "accuse")
        .map(({ atMs }) => atMs);
      const [first = 0] = times;
      const offsets = times.map((atMs) => Math.round(atMs - first));
      expect(offsets.slice(0, 8)).toEqual([0, 250, 500, 750, 1_000, 1_250, 2_000, 3_000]);
      expect(offsets.slice(8)).toEqual(
        Array.from({ length: offsets.length - 8 }, (_, i) => 8_000 + 5_000 * i),
      );
      expect(offsets.length).toBeGreaterThan(13);
    }
  });

  test("VE3 an accusation that has stood for STANDING_INTERVALS is restated every ten intervals, by half of the witnesses in each five", () => {
    const net = mesh();
    net.crash("na");
    net.run(120_000);
    const timesOf = (by: string): readonly number[] => {
      const times = saidBy(net, by, 10_300)
        .filter(({ kind }) => kind === "accuse")
        .map(({ atMs }) => atMs);
      return times.map((atMs) => Math.round(atMs - (times[0] ?? 0)));
    };
    const turn = RESTATE_INTERVALS * 1_000;
    const stood = STANDING_INTERVALS * 1_000;
    expect(FIVE.slice(1).map((by) => timesOf(by).filter((atMs) => atMs >= stood))).toEqual([
      [stood + 3_000, ...[2, 4, 6, 8, 10].map((turns) => stood + turns * turn)],
      [stood + 3_000, ...[1, 3, 5, 7, 9, 11].map((turns) => stood + turns * turn)],
      [stood + 3_000, ...[2, 4, 6, 8, 10].map((turns) => stood + turns * turn)],
      [stood + 3_000, ...[1, 3, 5, 7, 9, 11].map((turns) => stood + turns * turn)],
    ]);
    // Nobody's accusation expires in between, whichever turn it has.
    const counts = Array.from({ length: 10 }, () => {
      net.run(1_000);
      const now = { monoMs: net.nowMs, wallMs: net.nowMs };
      return net.nodes.slice(1).map(({ near }) => near.liveness.witnessCount("na", now).down);
    });
    expect(counts.flat()).toEqual(counts.flat().map(() => 4));
  });

  test("VE3 P2 a witness that was objected to twice running accuses no more by itself while others hear the subject", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to === "nb";
    net.run(50_000);
    const accused = saidBy(net, "nb", 10_300).filter(({ kind }) => kind === "accuse");
    expect(new Set(accused.map(({ name }) => name.seq)).size).toBe(2);
  });

  test("VE3 an accusation goes to the accused as well, which pulses at once", () => {
    const net = mesh();
    net.drop = ({ from, to, topic }) =>
      (from === "na" && topic === "pulse") || (to === "na" && topic === "verdict");
    net.run(3_000);
    const accusedMs = net.nowMs;
    net.run(2_000);
    const firstMs = Math.min(
      ...FIVE.slice(1).flatMap((by) =>
        saidBy(net, by, accusedMs, "direct").map(({ atMs }) => atMs),
      ),
    );
    const answers = pulsesOf(net, "na", firstMs).map(({ atMs }) => atMs);
    expect((answers[0] ?? Infinity) - firstMs).toBeLessThanOrEqual(ANSWER_EVERY_MS);
    // It pulses every second of itself, and nobody hears it: only the accusations can make it pulse sooner.
    expect((answers[1] ?? Infinity) - (answers[0] ?? 0)).toBeLessThan(1_000);
  });

  /** Two members accuse `na` of a pulse long past, twenty times a second each. */
  function flooded(): { readonly net: VirtualNeighbours; readonly sinceMs: number } {
    const net = mesh();
    const [old] = pulsesOf(net, "na", 0);
    const evidence = evidenceOf(net, old?.bytes ?? new Uint8Array());
    const sinceMs = net.nowMs;
    for (let step = 0; step < 200; step += 1) {
      for (const liar of ["nb", "nc"]) lie(net, liar, { kind: "accuse", about: "na", evidence });
      net.run(50);
    }
    return { net, sinceMs };
  }

  test("VE3 P6 a witness objects at most every half interval about one subject, however often it is accused", () => {
    const { net, sinceMs } = flooded();
    for (const by of ["nd", "ne"]) {
      const times = saidBy(net, by, sinceMs).flatMap(({ kind, atMs }) =>
        kind === "object" ? [atMs] : [],
      );
      expect(times.length).toBeGreaterThan(10);
      const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(OBJECT_INTERVALS * 1_000);
    }
  });

  test("VE3 P6 an accused node pulses at most every ANSWER_EVERY_MS, however often it is accused", () => {
    const { net, sinceMs } = flooded();
    const times = pulsesOf(net, "na", sinceMs).map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(ANSWER_EVERY_MS);
    expect(times.length).toBeGreaterThan(15);
  });

  test("VE2 P2 of ten nodes cut in halves nobody says down, though slow ones of the other half are long in sight", () => {
    const ten = Array.from({ length: 10 }, (_, index) => `n${index}`);
    const slow = new Set(["n0", "n1", "n5", "n6"]);
    const net = new VirtualNeighbours(ten, createTestPorts, (node) => ({
      pulseEveryMs: slow.has(node) ? 20_000 : 1_000,
    }));
    net.run(100_000);
    net.partition(ten.slice(0, 5), ten.slice(5));
    net.run(60_000);
    expect(net.nodes.flatMap(({ verdicts }) => verdicts)).toEqual([]);
  });

  test("VE9 whoever holds an announced absence answers an accusation with it, and tells who begins anew", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to === "nb";
    const na = net.node("na");
    net.input(na, (now) => na.near.announceStop({ pausedForMs: 30_000, goodbye: false }, now));
    net.run(100);
    net.crash("na");
    expect(net.status("na", "nb")).toBe("up");
    net.run(5_000);
    expect(net.status("na", "nb")).toBe("paused");
    net.restart("nc", 200);
    net.run(1_500);
    expect(net.status("na", "nc")).toBe("paused");
  });
});
