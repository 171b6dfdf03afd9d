/**
 * Partitions of an hour, a day and a week, with writes on both sides. The hour runs at full rate. What makes a day and a week affordable is
 * fewer pulses while nothing happens: the sides pulse seldom, and a quarter of an hour before the end every node restarts, one after the
 * other, with a pulse a second, so that the healing is measured at the pace that the goal is about. What that leaves out: boots that are as
 * old as the partition when it heals, which the hour has.
 */
import type { Plan } from "./plan.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const partitionPlans: readonly Plan[] = [
  {
    name: "partition-1h",
    about: "the fleet is in two halves for an hour, and both go on writing",
    nodes: 20,
    minutes: 65,
    network: { base: "calm" },
    measuresHeal: true,
    patchEveryMs: 5 * MINUTE_MS,
    events: [cutInHalf(2 * MINUTE_MS, HOUR_MS)],
  },
  {
    name: "partition-24h",
    about: "the fleet is in two halves for a day, and both go on writing",
    nodes: 20,
    minutes: 24 * 60 + 40,
    network: { base: "calm" },
    pulseEveryMs: 10_000,
    syncEveryMs: MINUTE_MS,
    robotEveryMs: HOUR_MS,
    beatEveryMs: 10 * MINUTE_MS,
    patchEveryMs: 30 * MINUTE_MS,
    measuresHeal: true,
    note: "one pulse in 10 s until 15 min before the healing, then one a second after a restart of each node",
    events: [cutInHalf(10 * MINUTE_MS, DAY_MS), quicken(10 * MINUTE_MS + DAY_MS)],
  },
  {
    name: "partition-7d",
    about: "the fleet is in two halves for a week, and both go on writing",
    nodes: 20,
    minutes: 7 * 24 * 60 + 120,
    network: { base: "calm" },
    pulseEveryMs: MINUTE_MS,
    syncEveryMs: 5 * MINUTE_MS,
    robotEveryMs: DAY_MS,
    beatEveryMs: HOUR_MS,
    patchEveryMs: 3 * HOUR_MS,
    measuresHeal: true,
    note: "one pulse a minute until 15 min before the healing, then one a second after a restart of each node",
    events: [cutInHalf(30 * MINUTE_MS, 7 * DAY_MS), quicken(30 * MINUTE_MS + 7 * DAY_MS)],
  },
];

function cutInHalf(atMs: number, forMs: number): Plan["events"][number] {
  const how = { isSilent: true, isOneWay: false, isEach: false } as const;
  return { atMs, who: { share: 0.5 }, what: { type: "cut", forMs, ...how } };
}

/** Everybody restarts, one after the other and not in the last five minutes, and pulses every second from then on. */
function quicken(endMs: number): Plan["events"][number] {
  return {
    atMs: endMs - 15 * MINUTE_MS,
    who: { isAll: true },
    what: { type: "crash", how: "kill", downMs: 500, pulseEveryMs: 1_000 },
    staggerMs: 3_000,
  };
}
