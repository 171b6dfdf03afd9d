import { describe, expect, test } from "vitest";
import { drawPlan } from "./draw-plan.ts";
import type { Plan } from "./plan.ts";
import { findPlan, plans } from "./plans.ts";

const plan: Plan = {
  name: "test",
  about: "for tests",
  nodes: 20,
  minutes: 10,
  network: { base: "lossy", lossShare: 0.2 },
  regions: [
    { name: "eu", share: 0.7 },
    { name: "us", share: 0.3 },
  ],
  events: [
    { atMs: 50_000, who: { region: "us", count: 2 }, what: { type: "crash", how: "kill" } },
    {
      atMs: 60_000,
      who: { share: 0.2 },
      what: { type: "stall", forMs: 5_000, isSuspended: false },
      staggerMs: 100,
      again: { everyMs: 10_000, times: 3 },
    },
    {
      atMs: 40_000,
      who: { region: "us" },
      what: { type: "cut", forMs: 1_000, isSilent: true, isOneWay: false, isEach: false },
    },
  ],
};

describe("a plan", () => {
  test.each(plans.map(({ name }) => name))("SG3 is plain JSON: %s", (name) => {
    expect(JSON.parse(JSON.stringify(findPlan(name)))).toEqual(findPlan(name));
  });

  test("SG3 gives the same scenario for the same seed, and other nodes for another one", () => {
    expect(drawPlan(plan, { seed: 1 })).toEqual(drawPlan(plan, { seed: 1 }));
    expect(drawPlan(plan, { seed: 1 }).faults).not.toEqual(drawPlan(plan, { seed: 2 }).faults);
  });

  test("PU8 happens to shares of any fleet, to each node by one event alone, in the regions that it names", () => {
    const { faults, regions = [], network } = drawPlan(plan, { seed: 1, nodes: 100 });
    expect(network.lossShare).toBe(0.2);
    expect(regions.filter((name) => name === "us")).toHaveLength(30);
    expect(regions.slice(0, 10).filter((name) => name === "us")).toHaveLength(3);
    const crashed = faults.flatMap((fault) => (fault.type === "crash" ? fault.node : []));
    const stalled = faults.flatMap((fault) => (fault.type === "stall" ? fault : []));
    const cut = faults.flatMap((fault) => (fault.type === "cut" ? fault.groupA : []));
    expect(crashed.map((node) => regions[node])).toEqual(["us", "us"]);
    expect(stalled).toHaveLength(60);
    expect(new Set(stalled.map(({ node }) => node)).size).toBe(20);
    expect(stalled[19]?.atMs).toBe(61_900);
    expect(stalled[20]?.atMs).toBe(70_000);
    const once = [...crashed, ...new Set(stalled.map(({ node }) => node)), ...cut];
    expect(new Set(once).size).toBe(once.length);
    expect(cut.every((node) => regions[node] === "us")).toBe(true);
    expect(faults.map(({ atMs }) => atMs)).toEqual(
      faults.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
    );
  });

  test("PU7 VE4 cuts from a region, or from a share of all, and the other way round, without taking whoever is on that side", () => {
    const how = { type: "cut", forMs: 1_000, isSilent: true, isEach: true } as const;
    const who = { region: "us", count: 1 };
    const { faults, regions = [] } = drawPlan(
      {
        ...plan,
        events: [
          { atMs: 1, who, what: { ...how, isOneWay: false, from: { region: "eu" } } },
          { atMs: 2, who, what: { ...how, isOneWay: true, isInward: true } },
          { atMs: 3, who, what: { ...how, isOneWay: false, from: { share: 0.5 } } },
        ],
      },
      { seed: 1, nodes: 100 },
    );
    const sides = faults.map((fault) =>
      fault.type === "cut" ? [fault.groupA.length, fault.groupB.length] : [],
    );
    expect(sides.slice(0, 2)).toEqual([
      [1, 70],
      [99, 1],
    ]);
    const [first, , third] = faults;
    const groupB = first?.type === "cut" ? first.groupB : [];
    expect(new Set(groupB.map((node) => regions[node]))).toEqual(new Set(["eu"]));
    const some = third?.type === "cut" ? third.groupB.length : 0;
    expect(some > 30 && some < 70).toBe(true);
  });

  test("VE1 that grows starts its first nodes at once and the others evenly until the end of its growth", () => {
    const grown = drawPlan(
      { ...plan, events: [], growth: { from: 10, untilMs: 100_000 } },
      { seed: 1, nodes: 100 },
    );
    expect(Math.max(...grown.startsMs.slice(0, 10))).toBeLessThanOrEqual(2_000);
    expect(grown.startsMs.at(-1)).toBe(100_000);
    expect(grown.startsMs.slice(10)).toEqual(grown.startsMs.slice(10).toSorted((a, b) => a - b));
    expect(grown.settledMs).toBe(110_000);
  });

  test("SG3 that is cut short ends in peace: what lasts ends earlier, and what comes later does not happen", () => {
    const types = (minutes: number): readonly string[] =>
      drawPlan(plan, { seed: 1, minutes }).faults.map(({ type }) => type);
    expect(types(10)).toHaveLength(15);
    expect(types(1.6)).toEqual(["cut", "crash", "crash"]);
    const what = { type: "stall", forMs: 60_000, isSuspended: false } as const;
    const events = [{ atMs: 10_000, who: { count: 1 }, what }];
    const [stall] = drawPlan({ ...plan, events }, { seed: 1, minutes: 1.5 }).faults;
    expect(stall).toMatchObject({ atMs: 10_000, forMs: 40_000 });
  });
});
