/** What networks do: lose, stand still, let through one way, lose a region. */
import type { Plan } from "./plan.ts";

/** Deaths enough for percentiles, in a fleet that has settled: a larger one gossips its pulses for three minutes first. */
const deathsAt = (lossPercent: number): Plan => ({
  name: `deaths-${lossPercent}`,
  about: `each hop loses ${lossPercent}%; a tenth of the fleet dies, one every 6 s, once it has settled`,
  nodes: 200,
  minutes: 7,
  network: lossPercent === 0 ? { base: "calm" } : { base: "lossy", lossShare: lossPercent / 100 },
  patience: lossPercent > 5 ? 2 : 1,
  events: [
    {
      atMs: 240_000,
      who: { share: 0.1 },
      what: { type: "crash", how: "power" },
      staggerMs: 6_000,
    },
  ],
});

export const networkPlans: readonly Plan[] = [
  {
    name: "calm",
    about: "one node dies; nothing else happens",
    nodes: 50,
    minutes: 3,
    network: { base: "calm" },
    events: [{ atMs: 60_000, who: { count: 1 }, what: { type: "crash", how: "kill" } }],
  },
  {
    name: "cost",
    about:
      "nothing happens at all; what a node costs once the fleet has settled, by links that carry what libp2p's do",
    nodes: 100,
    minutes: 7,
    network: { base: "calm", gossip: "libp2p" },
    costFromMs: 240_000,
    events: [],
  },
  {
    name: "loss-5",
    about: "each hop loses 5%; a hundredth of the fleet dies, one after the other",
    nodes: 50,
    minutes: 10,
    network: { base: "lossy", lossShare: 0.05 },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: { type: "crash", how: "power" },
        staggerMs: 15_000,
      },
    ],
  },
  {
    name: "loss-20",
    about: "each hop loses 20%; a hundredth of the fleet dies, one after the other",
    nodes: 50,
    minutes: 10,
    network: { base: "lossy", lossShare: 0.2 },
    patience: 2,
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: { type: "crash", how: "power" },
        staggerMs: 15_000,
      },
    ],
  },
  ...[0, 5, 20].map(deathsAt),
  {
    name: "tcp-stalls",
    about:
      "no gaps, but each direction of each link stands still for 0.2 to 3 s about once a minute",
    nodes: 50,
    minutes: 10,
    network: { base: "stalling" },
    patience: 2,
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: { type: "crash", how: "power" },
        staggerMs: 15_000,
      },
    ],
  },
  {
    name: "flip-flop",
    about:
      "of a hundredth of the fleet nothing is heard for 20 s of every 40, while it hears everybody",
    nodes: 50,
    minutes: 10,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: { type: "cut", forMs: 20_000, isSilent: true, isOneWay: true, isEach: true },
        again: { everyMs: 40_000, times: 11 },
      },
    ],
  },
  {
    name: "resets",
    about:
      "every connection of a tenth of the fleet is reset and refused for 2 s, again and again; nobody dies",
    nodes: 50,
    minutes: 4,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.1 },
        what: { type: "cut", forMs: 2_000, isSilent: false, isOneWay: false, isEach: true },
        staggerMs: 1_300,
        again: { everyMs: 15_000, times: 8 },
      },
    ],
  },
  {
    name: "gray-loss",
    about: "a hundredth of the fleet loses 80% of what it sends",
    nodes: 50,
    minutes: 10,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: { type: "loss", forMs: 440_000, direction: "out", share: 0.8 },
      },
    ],
  },
  {
    name: "gray-delay",
    about:
      "all that a hundredth of the fleet sends takes longer and longer, and five seconds longer after half a minute",
    nodes: 50,
    minutes: 10,
    network: { base: "calm" },
    expectsGray: true,
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: { type: "delay", forMs: 440_000, byMs: 5_000, overMs: 30_000 },
      },
    ],
  },
  {
    name: "deaf",
    about: "a hundredth of the fleet hears nothing for two minutes, while all hear it",
    nodes: 50,
    minutes: 5,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: {
          type: "cut",
          forMs: 120_000,
          isSilent: true,
          isOneWay: true,
          isEach: true,
          isInward: true,
        },
      },
    ],
  },
  {
    name: "dead-card",
    about: "a twentieth of the fleet hears nobody and is heard by nobody for two minutes",
    nodes: 50,
    minutes: 5,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.05 },
        what: { type: "cut", forMs: 120_000, isSilent: true, isOneWay: false, isEach: true },
        staggerMs: 3_000,
      },
    ],
  },
  {
    name: "many-regions",
    about:
      "a fortieth of a fleet of eight regions hears nobody and is heard by nobody for two minutes",
    nodes: 48,
    minutes: 5,
    network: { base: "calm" },
    regions: ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"].map((name) => ({
      name,
      share: 1 / 8,
    })),
    events: [
      {
        atMs: 60_000,
        who: { share: 0.025 },
        what: { type: "cut", forMs: 120_000, isSilent: true, isOneWay: false, isEach: true },
      },
    ],
  },
  {
    name: "partial-cut",
    about: "a hundredth of the fleet is cut from half of the others for four minutes",
    nodes: 50,
    minutes: 7,
    network: { base: "calm" },
    events: [
      {
        atMs: 60_000,
        who: { share: 0.01 },
        what: {
          type: "cut",
          forMs: 240_000,
          isSilent: true,
          isOneWay: false,
          isEach: true,
          from: { share: 0.5 },
        },
      },
    ],
  },
  {
    name: "region-triangle",
    about:
      "of three regions two cannot reach each other for three minutes, and both reach the third",
    nodes: 60,
    minutes: 6,
    network: { base: "calm" },
    regions: [
      { name: "eu", share: 0.4 },
      { name: "us", share: 0.3 },
      { name: "ap", share: 0.3 },
    ],
    events: [
      { atMs: 120_000, who: { region: "eu", count: 1 }, what: { type: "crash", how: "kill" } },
      {
        atMs: 60_000,
        who: { region: "us" },
        what: {
          type: "cut",
          forMs: 180_000,
          isSilent: true,
          isOneWay: false,
          isEach: false,
          from: { region: "eu" },
        },
      },
    ],
  },
  {
    name: "region-loss",
    about:
      "a region with 30% of the fleet is cut off for two minutes, without a word; a node dies on either side",
    nodes: 100,
    minutes: 5,
    network: { base: "lossy", lossShare: 0 },
    regions: [
      { name: "eu", share: 0.7 },
      { name: "us", share: 0.3 },
    ],
    measuresHeal: true,
    events: [
      { atMs: 90_000, who: { region: "eu", count: 1 }, what: { type: "crash", how: "kill" } },
      {
        atMs: 60_000,
        who: { region: "us" },
        what: { type: "cut", forMs: 120_000, isSilent: true, isOneWay: false, isEach: false },
      },
    ],
  },
  {
    name: "region-death",
    about:
      "a region with 30% of the fleet is cut off, and in the larger one nodes die half a second and four seconds later",
    nodes: 60,
    minutes: 5,
    network: { base: "calm" },
    regions: [
      { name: "eu", share: 0.7 },
      { name: "us", share: 0.3 },
    ],
    measuresHeal: true,
    events: [
      { atMs: 60_500, who: { region: "eu", count: 1 }, what: { type: "crash", how: "kill" } },
      { atMs: 64_000, who: { region: "eu", count: 1 }, what: { type: "crash", how: "kill" } },
      {
        atMs: 60_000,
        who: { region: "us" },
        what: { type: "cut", forMs: 90_000, isSilent: true, isOneWay: false, isEach: false },
      },
    ],
  },
];
