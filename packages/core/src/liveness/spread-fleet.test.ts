import { createTestPorts } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { SPREAD_PULSES } from "./spread-turns.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const PULSE_MS = 1_000;

/** One running node of so many members; boots are moments, and this one has its turn at the usual distance. */
function oneOf(roster: number): VirtualNeighbours {
  const absent = Array.from({ length: roster - 1 }, (_, index) => `n${1_000 + index}`);
  const mesh = new VirtualNeighbours(["a"], createTestPorts, {}, { absent });
  mesh.crash("a");
  mesh.restart("a", 1_000_020);
  mesh.run(500);
  return mesh;
}

/** How many pulses of `a` go by between two for everybody. */
function distance(mesh: VirtualNeighbours): number {
  const said: number[] = [];
  for (let pulses = 0; said.length < 2; pulses += 1) {
    mesh.sent.splice(0);
    mesh.run(PULSE_MS);
    if (mesh.sent.some(({ topic }) => topic === "pulse")) said.push(pulses);
    if (pulses > 4_000) throw new Error("nothing is for everybody");
  }
  return (said[1] ?? 0) - (said[0] ?? 0);
}

/** After how many pulses of `a` the next is for everybody. */
function next(mesh: VirtualNeighbours): number {
  mesh.sent.splice(0);
  for (let pulses = 1; pulses < 4_000; pulses += 1) {
    mesh.run(PULSE_MS);
    if (mesh.sent.some(({ topic }) => topic === "pulse")) return pulses;
  }
  throw new Error("nothing is for everybody");
}

test("PU8 P6 a node of a fleet four times as large has its turn a quarter as often", () => {
  const [few, many] = [distance(oneOf(66)), distance(oneOf(264))];
  expect(few).toBeGreaterThan(SPREAD_PULSES);
  expect(few).toBeLessThan(1.1 * SPREAD_PULSES);
  expect(many / few).toBeCloseTo(4, 1);
});

test("PU8 a turn comes soon after the roster has changed, and after a member has begun anew", () => {
  for (const change of ["none", "roster", "start"] as const) {
    const mesh = oneOf(66);
    distance(mesh);
    mesh.run(40 * PULSE_MS);
    if (change === "roster") mesh.node("a").goodbyes.push("n1001");
    if (change === "start") mesh.restarts.count += 1;
    const pulses = next(mesh);
    if (change === "none") expect(pulses).toBeGreaterThan(SPREAD_PULSES / 2);
    else expect(pulses).toBeLessThanOrEqual(SPREAD_PULSES / 4);
  }
});

test("PU8 news of robots are for everybody at once, and again when a member that was away is back", () => {
  const all = Array.from({ length: 34 }, (_, index) => `n${10 + index}`);
  const mesh = new VirtualNeighbours(all, createTestPorts);
  mesh.run(96_000);
  mesh.sent.splice(0);
  mesh.node("n11").news.hasNews = true;
  mesh.run(5 * PULSE_MS);
  mesh.node("n11").news.hasNews = false;
  const gossiped = mesh.sent.filter(({ topic, from }) => topic === "pulse" && from === "n11");
  expect(gossiped).toHaveLength(5);
  const goneMs = mesh.nowMs;
  mesh.partition(["n12"], all);
  mesh.run(15_000);
  expect(mesh.node("n11").againMonoMs).toEqual([]);
  mesh.cut.clear();
  mesh.run(11_000);
  for (const id of ["n11", "n12"]) {
    const { againMonoMs } = mesh.node(id);
    expect(againMonoMs.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...againMonoMs)).toBeLessThanOrEqual(goneMs);
  }
});
