import { createCore, type RobotView } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { Fleet } from "../fleet/fleet.ts";
import { calmNetwork } from "../network/network-model.ts";

const OFFLINE_MS = 120_000;
/** The member that may be away; the others watch. */
const AWAY = 0;
const WATCHERS = [1, 2, 3];
const ROBOT = "bot-0";

/** A fleet of four in which everybody hears everybody, and a robot beats at the one that may be offline. */
function fleetOfFour(): { readonly fleet: Fleet; readonly spoken: string[] } {
  const fleet = new Fleet({
    seed: 1,
    nodes: 4,
    network: calmNetwork,
    createCore,
    configOf: (index) => (index === AWAY ? { mayBeOfflineMs: OFFLINE_MS } : {}),
  });
  /** Verdict messages that name the node that is away. */
  const spoken: string[] = [];
  const { id } = fleet.node(AWAY);
  fleet.add({
    published: (from, topic, bytes) => {
      if (topic === "verdict" && from !== AWAY && Buffer.from(bytes).includes(id))
        spoken.push(`${from} at ${Math.round(fleet.nowMs)}`);
    },
  });
  for (const node of fleet.nodes) node.start();
  fleet.at(5_000, () =>
    fleet.node(AWAY).command({ type: "beat", robot: ROBOT, kind: "beat", create: "heartbeat" }),
  );
  fleet.runUntil(20_000);
  expect(standings(fleet)).toEqual(WATCHERS.map(() => "up"));
  return { fleet, spoken };
}

/** What each watcher that runs says of the node that is away. */
function standings(fleet: Fleet): readonly string[] {
  return WATCHERS.flatMap((index) => {
    const { core, now } = fleet.node(index);
    const view = core?.fleet(now).nodes.find(({ node }) => node === fleet.node(AWAY).id);
    if (view === undefined) return [];
    return [view.reason === undefined ? view.status : `${view.status} ${view.reason}`];
  });
}

function robotAt(fleet: Fleet, index: number): RobotView | undefined {
  const { core, now } = fleet.node(index);
  return core?.robot(ROBOT, now);
}

describe("a member that may be offline", () => {
  test("VE9 is unknown while it is silent, nobody accuses it or speaks of it, and it is down by a quorum when its time is over", () => {
    const { fleet, spoken } = fleetOfFour();
    fleet.node(AWAY).stop("power");
    const silentMs = fleet.nowMs;
    fleet.runUntil(silentMs + 5_000);
    for (const atMs of [6_000, 30_000, 60_000, OFFLINE_MS - 1_500]) {
      fleet.runUntil(silentMs + atMs);
      expect([atMs, standings(fleet)]).toEqual([
        atMs,
        WATCHERS.map(() => "unknown offline-allowed"),
      ]);
      expect(robotAt(fleet, 1)).toMatchObject({ status: "unknown", reason: "home-unknown" });
    }
    expect(spoken).toEqual([]);
    fleet.runUntil(silentMs + OFFLINE_MS + 2_000);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "down quorum"));
    expect(robotAt(fleet, 1)).toMatchObject({ status: "down", reason: "home-down" });
  });

  test("VE9 SG3 readers that restart while it is away neither accuse at once nor begin anew, however often", () => {
    const { fleet, spoken } = fleetOfFour();
    fleet.node(AWAY).stop("power");
    const silentMs = fleet.nowMs;
    // All of them, one after another and again and again; a power cut resets the monotonic clock as well.
    for (let atMs = 10_000; atMs < OFFLINE_MS - 25_000; atMs += 10_000) {
      for (const index of WATCHERS) {
        const how = index === 1 ? "power" : "kill";
        fleet.at(silentMs + atMs + index * 2_000, () => {
          fleet.node(index).stop(how);
          fleet.node(index).start();
        });
      }
    }
    fleet.runUntil(silentMs + OFFLINE_MS - 1_500);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "unknown offline-allowed"));
    expect(spoken).toEqual([]);
    fleet.runUntil(silentMs + OFFLINE_MS + 5_000);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "down quorum"));
  });

  test("VE9 readers that were killed while it was still heard know to 10 s, or one part in a hundred, since when it is silent", () => {
    const { fleet } = fleetOfFour();
    for (const index of WATCHERS) fleet.node(index).stop("kill");
    fleet.runFor(3_000);
    const silentMs = fleet.nowMs;
    fleet.node(AWAY).stop("power");
    fleet.runFor(40_000);
    for (const index of WATCHERS) fleet.node(index).start();
    // Its own pulses of the last seconds reached nobody: their word is the row.
    fleet.runUntil(silentMs + OFFLINE_MS - 4_500);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "unknown offline-allowed"));
    fleet.runUntil(silentMs + OFFLINE_MS + 5_000);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "down quorum"));
  });

  test("VE9 P9 that is cut off and comes back in time is up, was never judged, and meanwhile judged nobody but its own robots", () => {
    const { fleet, spoken } = fleetOfFour();
    const verdicts: string[] = [];
    fleet.add({
      emitted: (_node, event) => void (event.type === "verdict" && verdicts.push(event.kind)),
    });
    for (const index of WATCHERS) fleet.cut(AWAY, index, { isSilent: true });
    fleet.runFor(60_000);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "unknown offline-allowed"));
    const { core, now } = fleet.node(AWAY);
    expect(core?.fleet(now).nodes.map(({ status, reason }) => [status, reason])).toEqual(
      WATCHERS.map(() => ["unknown", "no-majority"]),
    );
    fleet.node(AWAY).command({ type: "beat", robot: ROBOT, kind: "beat", create: "heartbeat" });
    expect(robotAt(fleet, AWAY)?.status).toBe("up");
    for (const index of WATCHERS) fleet.heal(AWAY, index);
    fleet.runFor(10_000);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "up"));
    expect(robotAt(fleet, 1)?.status).toBe("up");
    expect([...spoken, ...verdicts]).toEqual([]);
  });

  test("VE9 that starts without the allowance is judged as everybody, and no row of it is left", () => {
    const { fleet } = fleetOfFour();
    const { id } = fleet.node(AWAY);
    const rows = (): readonly string[] =>
      WATCHERS.flatMap((index) =>
        fleet
          .node(index)
          .disk.scan({ gte: `seen/${id}`, lt: `seen/${id}~` })
          .map(({ key }) => key),
      );
    expect(rows()).toHaveLength(WATCHERS.length);
    expect(fleet.node(AWAY).disk.scan({ gte: "seen/", lt: "seen0" })).toEqual([]);
    fleet.node(AWAY).stop("kill");
    fleet.node(AWAY).configure({ mayBeOfflineMs: 0 });
    fleet.node(AWAY).start();
    fleet.runFor(10_000);
    fleet.node(AWAY).stop("power");
    fleet.runFor(6_000);
    expect(standings(fleet)).toEqual(WATCHERS.map(() => "down quorum"));
    expect(rows()).toEqual([]);
  });
});
