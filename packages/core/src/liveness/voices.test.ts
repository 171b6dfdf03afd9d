/** How much a fleet says when some of it is in trouble (rule VE3, promise P6, ADR 0012): never so much that saying it makes more trouble. */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { withdraw } from "./accuse.ts";
import { ENOUGH_QUORUMS, QUORUM_MAX, REPEATS_MS, SAY_INTERVALS, URGENT_SETTLES } from "./rules.ts";
import { lie, pulsesOf, saidBy } from "./said.test-support.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const ENOUGH = ENOUGH_QUORUMS * QUORUM_MAX;
const INTERVAL_MS = 1_000;
const START_MS = 10_300;

function fleetOf(nodes: number): { net: VirtualNeighbours; names: readonly string[] } {
  const names = Array.from({ length: nodes }, (_, index) => `node-${100 + index}`);
  const net = new VirtualNeighbours(names, createTestPorts);
  net.run(START_MS - net.nowMs);
  return { net, names };
}

/** When `by` spoke to everybody. */
function spokeAt(net: VirtualNeighbours, by: string): readonly number[] {
  return net.sent
    .filter(({ from, topic, atMs }) => from === by && topic === "verdict" && atMs >= START_MS)
    .map(({ atMs }) => atMs);
}

function runUntil(net: VirtualNeighbours, isSo: () => boolean): void {
  for (let count = 0; count < 10_000 && !isSo(); count += 1) net.run(1);
}

describe("voices", () => {
  test("VE3 P6 where ENOUGH_QUORUMS others accuse by the same pulse, nobody repeats its accusation before it is to be restated", () => {
    const { net, names } = fleetOf(20);
    const [victim = "", ...witnesses] = names;
    net.crash(victim);
    net.run(6_000);
    for (const by of witnesses) {
      expect(net.status(victim, by)).toBe("down");
      expect(saidBy(net, by, START_MS).map(({ kind }) => kind)).toEqual(["accuse"]);
    }
  });

  test("VE3 P2 a witness that hears fewer accusers than that repeats its own", () => {
    const { net, names } = fleetOf(20);
    const [victim = "", lonely = "", ...others] = names;
    const unheard = new Set(others.slice(ENOUGH - 1));
    net.drop = ({ from, to, topic }) => topic === "verdict" && to === lonely && unheard.has(from);
    net.crash(victim);
    net.run(6_000);
    const times = saidBy(net, lonely, START_MS).map(({ atMs }) => atMs);
    expect(times.map((atMs) => Math.round(atMs - (times[0] ?? 0)))).toEqual([0, ...REPEATS_MS]);
  });

  test("VE3 P6 a node speaks at once and then at most every quarter of an interval (SAY_INTERVALS), however many fall silent one after the other", () => {
    const { net, names } = fleetOf(24);
    const victims = names.slice(0, 8);
    victims.forEach((victim, index) => net.at(START_MS + 60 * index, () => net.crash(victim)));
    net.run(6_000);
    for (const by of names.slice(8)) {
      const times = spokeAt(net, by);
      const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(SAY_INTERVALS * INTERVAL_MS);
      const accused = saidBy(net, by, START_MS).map(({ subject }) => subject);
      expect(accused.toSorted()).toEqual([...victims]);
      expect(times.length).toBeLessThan(victims.length);
      for (const victim of victims) expect(net.status(victim, by)).toBe("down");
    }
  });

  test("VE3 P2 an accusation that waits its turn is not made once the accused is heard, and counts for nobody before", () => {
    const { net, names } = fleetOf(5);
    const [one = "", other = "", by = ""] = names;
    runUntil(net, () => pulsesOf(net, one, START_MS).length > 0);
    const lost = new Set([one]);
    net.drop = ({ from, topic }) => topic === "pulse" && lost.has(from);
    net.run(120);
    const pulse = (): void =>
      net.input(net.node(other), (now) => void net.node(other).near.pulses.publish(now));
    pulse();
    net.run(20);
    lost.add(other);
    runUntil(net, () => spokeAt(net, by).length > 0);
    const saidMs = net.nowMs;
    const subject = net.node(by).near.liveness.subject(other);
    if (subject === undefined) throw new Error("no subject");
    runUntil(net, () => subject.deadlineMonoMs < net.nowMs);
    expect(net.nowMs - saidMs).toBeLessThan(SAY_INTERVALS * INTERVAL_MS);
    expect(subject.own).toBeUndefined();
    expect(subject.accusations.has(by)).toBe(false);
    lost.delete(other);
    pulse();
    net.run(3_000);
    expect(saidBy(net, by, START_MS).filter(({ subject: about }) => about === other)).toEqual([]);
  });

  test("VE3 P3 whoever is kept busy with answers comes to accuse all the same: its accusation goes with the first word it may say", () => {
    const { net, names } = fleetOf(9);
    const [one = "", two = "", dead = "", by = ""] = names;
    const node = net.node(by);
    const others = names.slice(4);
    // Every answer is due just before the timer that would look at the silent one.
    const pester = (): void => {
      const { statements } = node.near.liveness;
      const about = node.near.liveness.subject(others[net.sent.length % others.length] ?? "");
      if (about !== undefined) net.input(node, () => statements.say("object", about));
    };
    net.drop = ({ from, to, topic }) =>
      topic === "verdict" && to === by && from !== one && from !== two;
    net.crash(dead);
    for (let step = 0; step < 1_200; step += 1) net.at(START_MS + 5 * step, pester);
    net.run(4_000);
    const accused = saidBy(net, by, START_MS).filter(({ kind }) => kind === "accuse");
    expect(accused.map(({ subject }) => subject)).toContain(dead);
  });

  test("VE3 P2 an objection where a quorum is near does not wait for the quiet to end, but a sixth of the settle time (URGENT_SETTLES)", () => {
    const { net, names } = fleetOf(9);
    const [one = "", two = "", victim = "", chatter = "", by = ""] = names;
    const name = { boot: 0, seq: 0 };
    const node = net.node(by);
    const about = node.near.liveness.subject(chatter);
    if (about === undefined) throw new Error("no subject");
    net.input(node, () => node.near.liveness.statements.say("object", about));
    const quietMs = net.nowMs;
    net.run(10);
    for (const liar of [one, two]) lie(net, liar, { kind: "accuse", about: victim, name });
    net.run(200);
    const objected = saidBy(net, by, START_MS).find(({ subject }) => subject === victim);
    expect(objected?.atMs).toBe(quietMs + URGENT_SETTLES * node.env.config.settleMs);
  });

  test("VE3 P2 an accusation that is withdrawn by the input that brought it about is not made", () => {
    const { net, names } = fleetOf(5);
    const [one = "", by = ""] = names;
    const node = net.node(by);
    const { statements, electorate } = node.near.liveness;
    const subject = node.near.liveness.subject(one);
    if (subject === undefined) throw new Error("no subject");
    net.input(node, (now) => {
      const { monoMs } = now;
      const own = { name: subject.newestName, commit: undefined, sinceMonoMs: monoMs };
      subject.own = { ...own, repeats: 0, restatedMonoMs: monoMs };
      statements.say("accuse", subject);
      withdraw(subject, { env: node.env, electorate, statements, recordAccusation: () => {} });
    });
    net.run(2_000);
    expect(saidBy(net, by, START_MS)).toEqual([]);
  });

  test("VE3 P2 however long the interval, an answer waits less than a verdict takes to settle", () => {
    const names = ["na", "nb", "nc", "nd", "ne"];
    const settleMs = 300;
    const net = new VirtualNeighbours(names, createTestPorts, { pulseEveryMs: 20_000, settleMs });
    net.run(100_000);
    const node = net.node("na");
    const [one, other] = ["nb", "nc"].map((id) => node.near.liveness.subject(id));
    if (one === undefined || other === undefined) throw new Error("no subject");
    const sinceMs = net.nowMs;
    net.input(node, () => node.near.liveness.statements.say("object", one));
    net.input(node, () => node.near.liveness.statements.say("object", other));
    net.run(settleMs - 1);
    expect(saidBy(net, "na", sinceMs).map(({ subject }) => subject)).toEqual(["nb", "nc"]);
  });

  test("VE3 P6 of a node that is back, two quorums say so; the others only where they miss these", () => {
    const { net, names } = fleetOf(20);
    const [victim = "", ...witnesses] = names;
    const deaf = witnesses.at(-1) ?? "";
    net.drop = ({ from }) => from === victim;
    net.run(6_000);
    const backMs = net.nowMs;
    net.drop = ({ to, topic }) => topic === "verdict" && to === deaf;
    net.run(20_000);
    const speakers = witnesses.filter((by) =>
      saidBy(net, by, backMs).some(({ kind, subject }) => kind === "up" && subject === victim),
    );
    expect(speakers).toEqual([...witnesses.slice(0, ENOUGH), deaf]);
    for (const by of witnesses) expect(net.status(victim, by)).toBe("up");
  });

  test("VE3 P2 where a quorum is near, two quorums object at once, and the others before it settles where those are not heard", () => {
    const { net, names } = fleetOf(20);
    const [one = "", two = "", ...others] = names;
    const victim = others.at(-1) ?? "";
    const honest = others.slice(0, -1);
    const name = { boot: 0, seq: 0 };
    const accused = (): void => {
      for (const liar of [one, two]) lie(net, liar, { kind: "accuse", about: victim, name });
    };
    const objecting = (sinceMs: number): readonly string[] =>
      honest.filter((by) => saidBy(net, by, sinceMs).some(({ kind }) => kind === "object"));
    accused();
    net.run(5_000);
    expect(objecting(START_MS)).toEqual(honest.slice(0, ENOUGH));
    const first = new Set(honest.slice(0, ENOUGH));
    net.drop = ({ from, topic }) => topic === "verdict" && first.has(from);
    const againMs = net.nowMs;
    accused();
    net.run(250);
    expect(objecting(againMs)).toEqual(honest);
  });
});
