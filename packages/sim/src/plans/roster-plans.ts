/** Who comes and goes: fleets that grow, and disks that are lost. */
import type { Plan } from "./plan.ts";

export const rosterPlans: readonly Plan[] = [
  {
    name: "growth",
    about: "ten nodes become the whole fleet within ten minutes",
    nodes: 100,
    minutes: 12,
    network: { base: "calm" },
    growth: { from: 10, untilMs: 600_000 },
    events: [{ atMs: 640_000, who: { count: 1 }, what: { type: "crash", how: "power" } }],
  },
  {
    name: "leavers",
    about: "two fifths of the fleet leave for good, one every 5 s; then one dies",
    nodes: 50,
    minutes: 6,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.4 },
        what: { type: "stop", mode: "leave" },
        staggerMs: 5_000,
      },
      { atMs: 220_000, who: { count: 1 }, what: { type: "crash", how: "power" } },
    ],
  },
  {
    name: "churn",
    about: "a fifth of the fleet comes back with a fresh disk, one every 10 s, each of them twice",
    nodes: 50,
    minutes: 10,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.2 },
        what: { type: "crash", how: "power", downMs: 8_000, isDiskLost: true },
        staggerMs: 10_000,
        again: { everyMs: 240_000, times: 2 },
      },
    ],
  },
];
