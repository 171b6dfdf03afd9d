import type { RobotRegularity } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { robotView } from "../../../../test/support/scripted-node.ts";
import { regularityMetrics } from "./regularity-metrics.ts";

const SELF = "12D3KooWSelf";

function regularity(overrides: Partial<RobotRegularity> = {}): RobotRegularity {
  return {
    measures: "interval",
    samples: 60,
    usualMs: 10_000,
    newestMs: 10_000,
    jitterMs: 100,
    driftMs: 0,
    early: 0,
    late: 0,
    lateAllowanceMs: 0,
    newestScore: 0.5,
    silenceScore: 0,
    asOfWallMs: 0,
    ...overrides,
  };
}

test("RG8 robots are counted by whether they are unusual, their newest beat or their silence", () => {
  const robots = [
    robotView({ regularity: regularity() }),
    robotView({ regularity: regularity({ newestScore: 2.9 }) }),
    robotView({ regularity: regularity({ newestScore: 3 }) }),
    robotView({ status: "late", regularity: regularity({ silenceScore: 8 }) }),
    robotView({ regularity: regularity({ newestScore: undefined, silenceScore: undefined }) }),
  ];
  const metrics = regularityMetrics(robots, SELF);
  expect(metrics.robots).toEqual({ learning: 1, usual: 2, unusual: 2 });
  expect(metrics.score).toEqual({ median: 3, most: 8 });
});

test("RG8 only robots that are up or late, and whose home the answering node is, are counted", () => {
  const robots = [
    robotView({ node: "12D3KooWBeta", regularity: regularity({ newestScore: 10 }) }),
    robotView({ status: "down", regularity: regularity({ silenceScore: 10 }) }),
    robotView({ regularity: undefined }),
  ];
  expect(regularityMetrics(robots, SELF)).toEqual({
    robots: { learning: 0, usual: 0, unusual: 0 },
    drifting: 0,
    jitterRatio: { median: 0, most: 0 },
    score: { median: 0, most: 0 },
  });
});

test("RG8 a robot drifts when its interval moved by more than a tenth, and by more than it jitters anyway", () => {
  const of = (overrides: Partial<RobotRegularity>): number =>
    regularityMetrics([robotView({ regularity: regularity(overrides) })], SELF).drifting;
  expect(of({ driftMs: 1_001 })).toBe(1);
  expect(of({ driftMs: -1_001 })).toBe(1);
  expect(of({ driftMs: 1_000 })).toBe(0);
  expect(of({ driftMs: 1_001, jitterMs: 600 })).toBe(0);
  expect(of({ measures: "lateness", driftMs: 90_000 })).toBe(0);
});
