import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SCORE_MAX, UNUSUAL_SCORE } from "../view/regularity.ts";
import {
  anomalyScore,
  DRIFT_SAMPLES_MIN,
  driftOf,
  medianOf,
  SCORE_SAMPLES_MIN,
  sortNumbers,
  spreadOf,
} from "./regularity-figures.ts";

const NONE: readonly number[] = [];
const histories = fc.array(fc.integer({ min: 0, max: 20_000 }), {
  minLength: SCORE_SAMPLES_MIN,
  maxLength: 60,
});

function sorted(samples: readonly number[]): number[] {
  return samples.toSorted((a, b) => a - b);
}

/** A steady robot: 59 intervals from 9,970 to 10,028 ms. */
const steady = sorted(Array.from({ length: 59 }, (_, index) => 9_970 + index));

describe("medianOf, spreadOf", () => {
  test("RG2 usual and jitter are those of the middle half: a fifth of wild samples hardly moves them", () => {
    const calm = Array.from({ length: 48 }, (_, index) => 9_980 + (index % 5) * 10);
    const wild = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 30 : 19_900));
    const samples = sorted([...calm, ...wild]);
    expect(medianOf(samples)).toBe(10_000);
    expect(spreadOf(samples, 10_000)).toBe(20);
    expect(medianOf(NONE)).toBeUndefined();
    expect(medianOf(sorted([1, 4]))).toBe(2.5);
  });
});

describe("sortNumbers", () => {
  test("RG2 law: median and jitter are those of the definition, in whatever order the samples come", () => {
    const samples = fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(samples, (given) => {
        expect(sortNumbers([...given])).toEqual(sorted(given));
        const median = medianOf(sorted(given)) ?? Number.NaN;
        const differences = sorted(given.map((sample) => Math.abs(sample - median)));
        expect(spreadOf(sorted(given), median)).toBe(medianOf(differences));
      }),
    );
  });
});

describe("driftOf", () => {
  const steps = (from: number, to: number): number[] =>
    Array.from({ length: 60 }, (_, index) => from + ((to - from) * index) / 59);

  test("RG2 the drift is how much more the newest samples are than those before, negative for less", () => {
    expect(driftOf(steps(1_000, 1_000), NONE)).toBe(0);
    expect(driftOf(steps(1_000, 1_590), NONE)).toBe(300);
    expect(driftOf(steps(1_590, 1_000), NONE)).toBe(-300);
  });

  test("RG2 what changes slowly is measured against the rings before, not against the newest one", () => {
    const medians = [1_030, 1_000, 1_010, 1_020, 1_040];
    expect(driftOf(steps(1_050, 1_050), medians)).toBe(30);
  });

  test("RG2 a drift needs DRIFT_SAMPLES_MIN samples on either side, and one wild sample is none", () => {
    const few = Array.from({ length: 2 * DRIFT_SAMPLES_MIN - 1 }, () => 1_000);
    expect(driftOf(few, NONE)).toBeUndefined();
    const enough = Array.from({ length: 2 * DRIFT_SAMPLES_MIN }, () => 1_000);
    enough[enough.length - 1] = 1_900;
    expect(driftOf(enough, NONE)).toBe(0);
  });
});

describe("anomalyScore", () => {
  test("RG3 a score counts: 1 is one in ten on either side, and the edge of 59 samples is 1.48", () => {
    expect(anomalyScore(steady, 9_999, 100)).toBe(0);
    expect(anomalyScore(steady, 10_027, 100)).toBeCloseTo(1, 5);
    expect(anomalyScore(steady, 9_971, 100)).toBeCloseTo(1, 5);
    expect(anomalyScore(steady, 10_029, 100)).toBeCloseTo(Math.log10(30), 5);
  });

  test("RG3 beyond every sample the distance counts: twice as far is UNUSUAL_SCORE about, and SCORE_MAX the most", () => {
    // The farthest sample is 29 ms away, less than the resolution of 100.
    expect(anomalyScore(steady, 9_999 + 100, 100)).toBeCloseTo(Math.log10(30), 5);
    expect(anomalyScore(steady, 9_999 + 210, 100)).toBeGreaterThan(UNUSUAL_SCORE);
    expect(anomalyScore(steady, 9_999 - 190, 100)).toBeLessThan(UNUSUAL_SCORE);
    expect(anomalyScore(steady, 9_999 + 58, 1)).toBeCloseTo(2 * Math.log10(30), 5);
    expect(anomalyScore(steady, 1_000_000, 100)).toBe(SCORE_MAX);
    expect(anomalyScore(steady, 0, 100)).toBe(SCORE_MAX);
  });

  test("RG3 nothing is unusual before SCORE_SAMPLES_MIN samples", () => {
    const few = Array.from({ length: SCORE_SAMPLES_MIN - 1 }, () => 1_000);
    expect(anomalyScore(few, 9_000, 10)).toBeUndefined();
    const enough = Array.from({ length: SCORE_SAMPLES_MIN }, () => 1_000);
    expect(anomalyScore(enough, 9_000, 10)).toBe(SCORE_MAX);
  });

  test("RG3 what a robot does one time in six is not unusual, however far from its usual", () => {
    const samples = sorted([
      ...Array.from({ length: 50 }, () => 1_000),
      ...Array.from({ length: 10 }, () => 30_000),
    ]);
    expect(anomalyScore(samples, 30_000, 10)).toBeLessThan(0.5);
    expect(anomalyScore(samples, 29_000, 10)).toBeLessThan(0.5);
  });

  test("RG3 law: a score rises with the distance from the median, on either side", () => {
    fc.assert(
      fc.property(histories, fc.nat(30_000), fc.nat(30_000), (samples, a, b) => {
        const history = sorted(samples);
        const median = medianOf(history) ?? 0;
        const [near, far] = [Math.min(a, b), Math.max(a, b)];
        for (const side of [1, -1]) {
          const score = (distance: number): number =>
            anomalyScore(history, median + side * distance, 10) ?? Number.NaN;
          expect(score(far)).toBeGreaterThanOrEqual(score(near) - 1e-9);
        }
      }),
    );
  });

  test("RG3 law: a score does not depend on the unit, nor on the order of the samples", () => {
    fc.assert(
      fc.property(
        histories,
        fc.nat(40_000),
        fc.constantFrom(0.5, 2, 64, 1_024),
        (samples, value, unit) => {
          const score = anomalyScore(sorted(samples), value, 100);
          const scaled = samples.map((sample) => sample * unit);
          expect(anomalyScore(sorted(scaled.toReversed()), value * unit, 100 * unit)).toBeCloseTo(
            score ?? Number.NaN,
            9,
          );
        },
      ),
    );
  });

  test("RG3 law: of a robot that goes on as it was, at most one beat in 10^s scores s, whatever its distribution", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { minLength: 60, maxLength: 60 }), (samples) => {
        // Each sample in turn is the newest: they come in any order equally likely.
        const scores = samples.map((value, index) =>
          anomalyScore(sorted(samples.toSpliced(index, 1)), value, 1),
        );
        for (const atLeast of [0.5, 1, 1.4]) {
          const share = scores.filter((score) => (score ?? 0) >= atLeast).length / scores.length;
          expect(share).toBeLessThanOrEqual(10 ** -atLeast + 1e-9);
        }
      }),
    );
  });
});
