import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { drawPlan } from "../plans/draw-plan.ts";
import { findPlan } from "../plans/plans.ts";
import type { Plan } from "../plans/plan.ts";
import { runScenario, type RunReport } from "../run-scenario.ts";
import { kpiTable } from "./kpi-table.ts";

function run(name: string, change: Partial<Plan>, nodes: number): RunReport {
  const plan = findPlan(name);
  if (plan === undefined) throw new Error(`no plan ${name}`);
  return runScenario(drawPlan({ ...plan, ...change }, { seed: 1, nodes }), { seed: 1, createCore });
}

test("VE3 P9 P1 a partition is measured until all show one view and equal documents, and both sides take what robots say", () => {
  const what = {
    type: "cut",
    forMs: 60_000,
    isSilent: true,
    isOneWay: false,
    isEach: false,
  } as const;
  const events = [{ atMs: 30_000, who: { share: 0.4 }, what }];
  const { kpi, violations, hash } = run(
    "partition-1h",
    { minutes: 3, patchEveryMs: 5_000, events },
    10,
  );
  expect(violations).toEqual([]);
  expect(kpi.takenOffline).toBeGreaterThan(10);
  expect(kpi.healMs).toBeGreaterThan(100);
  expect(kpi.healMs).toBeLessThanOrEqual(10_000);
  expect(kpi.changesPerFaultyNode).toBeUndefined();
  expect(hash).not.toBe("");
});

test("VE3 a death is found once: its changes, its views and its table say so", () => {
  const report = run("calm", { minutes: 2 }, 10);
  const { kpi } = report;
  expect(report.violations).toEqual([]);
  expect([kpi.deaths, kpi.deathsUnfound, kpi.falseDowns, kpi.healMs]).toEqual([1, 0, 0, undefined]);
  expect(kpi.detectionP50Ms).toBeLessThanOrEqual(4_000);
  // Suspected, then down: two changes in the time from the eleventh second on.
  expect(kpi.changesPerFaultyNode?.mean).toBeGreaterThan(0);
  expect(kpi.views).toEqual({ atOnceMax: expect.any(Number), perNodeP50: 1, perNodeMax: 1 });
  expect(kpi.nodeHours).toBeCloseTo((10 * 120 - 60) / 3_600, 1);
  const { pulses, all } = kpi.bytes;
  expect(pulses.bytesOut.mean).toBeGreaterThan(100);
  expect(all.bytesOut.mean).toBeGreaterThan(pulses.bytesOut.mean);
  // What one sends another receives, but for what was under way to the dead.
  expect(all.bytesIn.mean / all.bytesOut.mean).toBeCloseTo(1, 0);
  expect(kpiTable(report)).toMatch(/^ok [0-9a-f]{16}\n {2}deaths found by 99% +1 \(0 not\)\n/);
});

test("PU8 what a node costs is counted from when the fleet has settled on, and node-hours from the start", () => {
  const [settled, whole] = [60_000, 0].map(
    (costFromMs) => run("cost", { minutes: 2, costFromMs }, 6).kpi,
  );
  expect(settled?.nodeHours).toBe(whole?.nodeHours);
  const [from, to] = [settled, whole].map((kpi) => kpi?.bytes.pulses.bytesOut.mean ?? 0);
  expect(from).toBeGreaterThan(100);
  expect(from).not.toBe(to);
  // In a small fleet the start is hardly dearer; twice as much would be bytes of two minutes in one.
  expect(Math.abs((from ?? 0) / (to ?? 1) - 1)).toBeLessThan(0.5);
});
