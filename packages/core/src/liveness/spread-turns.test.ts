import { expect, test } from "vitest";
import {
  NEWS_EVERY_INTERVALS,
  NEWS_PULSES,
  SPREAD_PULSES,
  SPREAD_ROSTER,
  SpreadTurns,
} from "./spread-turns.ts";

const USUAL = { isStop: false, isNews: false };

/** Numbers of those among `count` pulses of a boot that are for everybody. */
function spread(roster: number, count: number, boot: number, joinAt?: number): readonly number[] {
  const turns = new SpreadTurns(1_000);
  const fleet = { roster, version: 1, starts: 0 };
  return Array.from({ length: count }, (_, at) => at).filter((at) =>
    turns.isNext(USUAL, boot, { ...fleet, version: at === joinAt ? 2 : 1 }, { monoMs: at * 1_000 }),
  );
}

test("PU8 P6 one pulse in about SPREAD_PULSES is for everybody, and of more than SPREAD_ROSTER members as many in all as of so many", () => {
  const count = 40 * SPREAD_PULSES;
  const boots = Array.from({ length: SPREAD_PULSES }, (_, at) => 1_000_003 + at);
  const rateOf = (roster: number): number =>
    boots.reduce((sum, boot) => sum + spread(roster, count, boot).length, 0) /
    (boots.length * count);
  const usual = rateOf(40);
  // Some wait half as long, others half as long again.
  expect(usual * SPREAD_PULSES).toBeGreaterThan(0.9);
  expect(usual * SPREAD_PULSES).toBeLessThan(1.2);
  expect(rateOf(SPREAD_ROSTER)).toBe(usual);
  const all = [1, 2, 4].map((times) => rateOf(times * SPREAD_ROSTER) * times);
  for (const rate of all) expect(rate / usual).toBeCloseTo(1, 1);
});

test("PU8 everybody is sent one within a quarter of the usual time after somebody has joined, and what is for everybody by what is in it at once", () => {
  for (const boot of [1_000_080, 1_000_119]) {
    const [, next] = spread(40, 200, boot, 3);
    expect(next).toBeGreaterThan(3);
    expect(next).toBeLessThanOrEqual(3 + SPREAD_PULSES / 4);
  }
  const turns = new SpreadTurns(1_000);
  const isNext = (holds: typeof USUAL): boolean =>
    turns.isNext(holds, 1, { roster: 40, version: 1, starts: 0 }, { monoMs: 0 });
  isNext(USUAL);
  const all = [USUAL, { ...USUAL, isStop: true }, { ...USUAL, isNews: true }];
  expect(all.map(isNext)).toEqual([false, true, true]);
});

test("PU8 everybody is sent one soon after a member has begun anew, and members that do so all the time make that a few times dearer at most", () => {
  for (const boot of [1_000_080, 1_000_119]) {
    for (const every of [1, 7, 45]) {
      const turns = new SpreadTurns(1_000);
      const said = Array.from({ length: 3_000 }, (_, at) => at).filter((at) => {
        const starts = Math.floor(Math.max(0, at - 200) / every);
        return turns.isNext(
          USUAL,
          boot,
          { roster: 40, version: 1, starts },
          { monoMs: at * 1_000 },
        );
      });
      const gaps = said.slice(1).map((at, index) => at - (said[index] ?? 0));
      expect(Math.max(...gaps.slice(-10))).toBeLessThanOrEqual(SPREAD_PULSES / 2 + every);
      expect(said.length).toBeLessThanOrEqual((3_000 / SPREAD_PULSES) * 4);
    }
    const turns = new SpreadTurns(1_000);
    const once = Array.from({ length: 200 }, (_, at) => at).filter((at) =>
      turns.isNext(
        USUAL,
        boot,
        { roster: 40, version: 1, starts: at < 40 ? 0 : 1 },
        { monoMs: at * 1_000 },
      ),
    );
    expect(once[1]).toBeGreaterThan(40);
    expect(once[1]).toBeLessThanOrEqual(40 + SPREAD_PULSES / 4);
  }
});

test("PU8 P6 a home whose robots flip without end has NEWS_PULSES for everybody at once, and then one in NEWS_EVERY_INTERVALS", () => {
  const turns = new SpreadTurns(1_000);
  const fleet = { roster: 1_000, version: 1, starts: 0 };
  turns.isNext(USUAL, 1, fleet, { monoMs: 0 });
  const saidIn = (fromMs: number, forMs: number): number => {
    let said = 0;
    for (let at = fromMs; at < fromMs + forMs; at += 100)
      if (turns.isNext({ ...USUAL, isNews: true }, 1, fleet, { monoMs: at })) said += 1;
    return said;
  };
  expect(saidIn(0, 12_000)).toBe(NEWS_PULSES);
  expect(saidIn(12_000, 40_000)).toBeLessThanOrEqual(40 / NEWS_EVERY_INTERVALS + 4);
  expect(saidIn(52_000, 40_000)).toBe(40 / NEWS_EVERY_INTERVALS);
});
