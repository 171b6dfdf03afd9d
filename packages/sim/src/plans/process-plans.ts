/** What happens to processes and machines: they die, restart, stall, and their clocks are set. */
import type { Plan } from "./plan.ts";

export const processPlans: readonly Plan[] = [
  {
    name: "ten-crashes",
    about: "ten nodes lose power at one moment",
    nodes: 50,
    minutes: 3,
    network: { base: "calm" },
    events: [{ atMs: 60_000, who: { count: 10 }, what: { type: "crash", how: "power" } }],
  },
  {
    name: "rolling-restart",
    about: "a fifth of the fleet is stopped as planned and started again, one every 5 s",
    nodes: 50,
    minutes: 10,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.2 },
        what: { type: "stop", mode: "pause", downMs: 4_000 },
        staggerMs: 5_000,
      },
    ],
  },
  {
    name: "maintenance",
    about: "a fifth of the fleet is stopped as planned for 20 s, one after the other",
    nodes: 50,
    minutes: 4,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.2 },
        what: { type: "stop", mode: "pause", downMs: 20_000 },
        staggerMs: 5_000,
      },
    ],
  },
  {
    name: "mute-cuts",
    about:
      "all robots fall silent one after the other while four nodes are cut off, each for itself",
    nodes: 40,
    minutes: 4,
    network: { base: "calm" },
    beatEveryMs: 5_000,
    robotEveryMs: 20_000,
    events: [
      {
        atMs: 105_000,
        who: { count: 4 },
        what: { type: "cut", forMs: 60_000, isSilent: true, isOneWay: false, isEach: true },
      },
      {
        atMs: 110_000,
        who: { isAll: true },
        what: { type: "mute", forMs: 95_000 },
        staggerMs: 900,
      },
    ],
  },
  {
    name: "mute-robots",
    about: "robots of a fifth of the fleet give no beat for two minutes, while their nodes live",
    nodes: 50,
    minutes: 5,
    network: { base: "calm" },
    beatEveryMs: 5_000,
    robotEveryMs: 20_000,
    events: [
      {
        atMs: 60_000,
        who: { share: 0.2 },
        what: { type: "mute", forMs: 120_000 },
        staggerMs: 900,
      },
    ],
  },
  {
    name: "whole-restart",
    about: "everybody loses power at once and is back within 10 s, but for one",
    nodes: 50,
    minutes: 4,
    network: { base: "calm" },
    events: [
      { atMs: 60_000, who: { count: 1 }, what: { type: "crash", how: "power" } },
      { atMs: 60_000, who: {}, what: { type: "crash", how: "power", downMs: 10_000 } },
    ],
  },
  {
    name: "torn-disks",
    about: "a fifth of the fleet loses power in the middle of its writes, three times",
    nodes: 50,
    minutes: 5,
    network: { base: "calm" },
    beatEveryMs: 5_000,
    patchEveryMs: 5_000,
    events: [
      {
        atMs: 60_000,
        who: { share: 0.2 },
        what: { type: "crash", how: "power", downMs: 6_000 },
        staggerMs: 700,
        again: { everyMs: 45_000, times: 3 },
      },
    ],
  },
  {
    name: "stalls",
    about: "a tenth of the fleet stands still for 5 s of every 10",
    nodes: 50,
    minutes: 10,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.1 },
        what: { type: "stall", forMs: 5_000, isSuspended: false },
        staggerMs: 370,
        again: { everyMs: 10_000, times: 42 },
      },
    ],
  },
  {
    name: "self-doubt",
    about:
      "a tenth of the fleet is stopped for 20 s three times, another tenth has no processor for 0.9 s of every second, a third one is suspended for 10 s every 40",
    nodes: 50,
    minutes: 6,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.1 },
        what: { type: "stall", forMs: 20_000, isSuspended: false },
        staggerMs: 1_300,
        again: { everyMs: 60_000, times: 3 },
      },
      {
        atMs: 60_000,
        who: { share: 0.1 },
        what: { type: "stall", forMs: 900, isSuspended: false },
        staggerMs: 170,
        again: { everyMs: 1_000, times: 180 },
      },
      {
        atMs: 65_000,
        who: { share: 0.1 },
        what: { type: "stall", forMs: 10_000, isSuspended: true },
        staggerMs: 2_100,
        again: { everyMs: 40_000, times: 4 },
      },
    ],
  },
  {
    name: "clock-steps",
    about:
      "clocks of a tenth of the fleet are set by an hour, forward and back; another tenth is suspended for half a minute",
    nodes: 50,
    minutes: 6,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.05 },
        what: { type: "step", byMs: 3_600_000 },
        again: { everyMs: 60_000, times: 3 },
      },
      {
        atMs: 75_000,
        who: { share: 0.05 },
        what: { type: "step", byMs: -3_600_000 },
        again: { everyMs: 60_000, times: 3 },
      },
      {
        atMs: 90_000,
        who: { share: 0.1 },
        what: { type: "stall", forMs: 30_000, isSuspended: true },
        staggerMs: 2_000,
      },
    ],
  },
  {
    name: "hostile-witnesses",
    about:
      "more than a tenth of the fleet lies, by accusing, objecting, replaying and changing entries, while a node dies and others restart",
    nodes: 50,
    minutes: 6,
    network: { base: "calm" },
    liars: [
      { share: 0.04, kind: "accuser" },
      { share: 0.03, kind: "objector" },
      { share: 0.03, kind: "replayer" },
      { share: 0.03, kind: "tamperer" },
    ],
    events: [
      { atMs: 90_000, who: { count: 1 }, what: { type: "crash", how: "power" } },
      {
        atMs: 120_000,
        who: { share: 0.1 },
        what: { type: "crash", how: "kill", downMs: 8_000 },
        staggerMs: 5_000,
      },
    ],
  },
];
