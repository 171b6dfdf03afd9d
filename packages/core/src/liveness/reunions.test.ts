import { describe, expect, test } from "vitest";
import type { Status } from "../view/status.ts";
import { Reunions, UNNOTICED_INTERVALS } from "./reunions.ts";

const OWN = 1_000_080;
const UNNOTICED_MS = UNNOTICED_INTERVALS * 1_000;
const at = (monoMs: number): { readonly monoMs: number; readonly wallMs: number } => ({
  monoMs,
  wallMs: monoMs,
});

/** A node that changes as it is told. */
function seen(
  reunions: Reunions,
  isMember: boolean = true,
): (status: Status, atMs: number, boot?: number) => void {
  return (status, atMs, boot = 5) => {
    const subject = { node: "b", status, newestName: { boot, seq: 1 }, isMember };
    reunions.onStatus(subject, OWN, at(atMs));
  };
}

/** When something is to be said again, and since when it happened, as a pulse is made every interval. */
function again(reunions: Reunions, fromMs: number, toMs: number): readonly [number, number][] {
  const told: [number, number][] = [];
  for (let ms = fromMs; ms <= toMs; ms += 1_000) {
    const sinceMs = reunions.due(at(ms));
    if (sinceMs !== undefined) told.push([ms, sinceMs]);
  }
  return told;
}

describe("Reunions", () => {
  test("PU8 P6 of who is no member, or is none any more, no absence is kept", () => {
    for (const wasMember of [true, false]) {
      const reunions = new Reunions(1_000);
      seen(reunions, wasMember)("down", 60_000);
      seen(reunions, false)("unknown", 90_000);
      seen(reunions)("up", 100_500);
      expect(again(reunions, 101_000, 200_000)).toEqual([]);
    }
  });

  test("PU8 when a member is back all that happened since it went is said again, twice within eight intervals", () => {
    for (const status of ["down", "unknown", "paused"] as const) {
      const reunions = new Reunions(1_000);
      const b = seen(reunions);
      b("up", 0);
      b(status, 60_000);
      b("unknown", 90_000);
      expect(again(reunions, 0, 100_000)).toEqual([]);
      b("up", 100_500);
      const told = again(reunions, 101_000, 200_000);
      expect(told.map(([, sinceMs]) => sinceMs)).toEqual(Array(2).fill(60_000 - UNNOTICED_MS));
      expect(told[0]?.[0]).toBeGreaterThan(101_000);
      expect(told[1]?.[0]).toBeLessThanOrEqual(108_500);
    }
  });

  test("PU8 nothing is said again for who has begun anew, has left, or is seen for the first time", () => {
    const reunions = new Reunions(1_000);
    const b = seen(reunions);
    b("up", 0);
    b("down", 60_000);
    b("up", 70_000, 6);
    b("down", 80_000, 6);
    b("left", 85_000, 6);
    b("up", 90_000, 6);
    expect(again(reunions, 0, 200_000)).toEqual([]);
  });

  test("PU8 VE4 so it is when a region is back, and when this node itself sees a majority again, but not at its start", () => {
    const region = new Reunions(1_000);
    const outage = { from: "eu", to: "us", sinceMonoMs: 50_000, sinceWallMs: 0 };
    const rest = { accusers: [], signMonoMs: 0, intervalMs: 1_000, known: new Map() };
    for (const [step, ms] of [
      ["lost", 50_000],
      ["settled", 55_000],
    ] as const)
      region.onRegion({ step, outage: { ...outage, ...rest } }, OWN, at(ms));
    expect(again(region, 0, 60_000)).toEqual([]);
    region.onRegion({ step: "back", outage: { ...outage, ...rest } }, OWN, at(60_000));
    expect(again(region, 60_000, 90_000).map(([, sinceMs]) => sinceMs)).toEqual(
      Array(2).fill(50_000 - UNNOTICED_MS),
    );
    const alone = new Reunions(1_000);
    alone.onMajority(false, OWN, at(0));
    alone.onMajority(true, OWN, at(5_000));
    expect(again(alone, 0, 30_000)).toEqual([]);
    alone.onMajority(false, OWN, at(60_000));
    alone.onMajority(true, OWN, at(90_000));
    expect(again(alone, 90_000, 120_000).map(([, sinceMs]) => sinceMs)).toEqual(
      Array(2).fill(60_000 - UNNOTICED_MS),
    );
  });

  test("PU8 P6 a link that comes and goes every interval makes a node say it again once in three intervals at most", () => {
    const reunions = new Reunions(1_000);
    const b = seen(reunions);
    let told = 0;
    for (let ms = 0; ms < 300_000; ms += 500) {
      b(ms % 1_000 === 0 ? "up" : "down", ms);
      told += again(reunions, ms, ms).length;
    }
    expect(told).toBeGreaterThan(90);
    expect(told).toBeLessThanOrEqual(100);
  });

  test("PU8 nodes say it at moments of their own", () => {
    const first = new Set<number>();
    for (let own = 0; own < 30; own += 1) {
      const reunions = new Reunions(1_000);
      reunions.onMajority(true, own * 37, at(0));
      reunions.onMajority(false, own * 37, at(60_000));
      reunions.onMajority(true, own * 37, at(90_000));
      for (let ms = 90_000; ms < 100_000; ms += 100)
        if (reunions.due(at(ms)) !== undefined) {
          first.add(ms);
          break;
        }
    }
    expect(first.size).toBeGreaterThan(15);
    expect(Math.max(...first) - Math.min(...first)).toBeGreaterThan(2_000);
  });
});
