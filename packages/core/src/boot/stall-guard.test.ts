import { describe, expect, test } from "vitest";
import { StallGuard } from "./stall-guard.ts";

const TOLERANCE_MS = 1_000;

function guardAt(monoMs: number, wallMs: number): StallGuard {
  const guard = new StallGuard(TOLERANCE_MS);
  guard.check({ monoMs, wallMs }, monoMs + 1_000);
  return guard;
}

describe("StallGuard", () => {
  test("PU6 an own pulse that is late by one interval is no stall yet", () => {
    expect(guardAt(0, 50_000).check({ monoMs: 2_000, wallMs: 52_000 }, 1_000)).toEqual({
      type: "none",
    });
  });

  test("PU6 an own pulse that is overdue by more than one interval is a stall of that length", () => {
    expect(guardAt(0, 50_000).check({ monoMs: 6_000, wallMs: 56_000 }, 1_000)).toEqual({
      type: "stalled",
      forMs: 5_000,
    });
  });

  test("PU6 clocks that part either way by more than one interval are noticed, whatever the silence", () => {
    expect(guardAt(0, 50_000).check({ monoMs: 10, wallMs: 50_010 + 3_600_000 }, 1_000)).toEqual({
      type: "clocks-parted",
      byMs: 3_600_000,
    });
    expect(guardAt(0, 50_000).check({ monoMs: 10, wallMs: 50_010 - 3_600_000 }, 1_000)).toEqual({
      type: "clocks-parted",
      byMs: -3_600_000,
    });
  });

  test("PU6 a node that does not pulse cannot be overdue", () => {
    expect(
      guardAt(0, 0).check({ monoMs: 60_000, wallMs: 60_000 }, Number.POSITIVE_INFINITY),
    ).toEqual({ type: "none" });
  });

  test("PU6 suspensions too short to be noticed add up, because receivers' dates lag by their sum", () => {
    const guard = guardAt(0, 50_000);
    const found: string[] = [];
    for (let step = 1; step <= 3; step++) {
      const now = { monoMs: step * 1_000, wallMs: 50_000 + step * (1_000 + 400) };
      found.push(guard.check(now, now.monoMs).type);
    }
    expect(found).toEqual(["none", "none", "clocks-parted"]);
  });

  test("PU6 a wall clock that is slewed by 500 ppm for a day is in step", () => {
    const guard = guardAt(0, 50_000);
    for (let second = 1; second <= 86_400; second++) {
      const now = { monoMs: second * 1_000, wallMs: 50_000 + second * 1_000.5 };
      expect(guard.check(now, now.monoMs)).toEqual({ type: "none" });
    }
  });
});
