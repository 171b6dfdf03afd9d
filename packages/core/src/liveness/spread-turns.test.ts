import { expect, test } from "vitest";
import { SPREAD_PULSES, SPREAD_ROSTER, SpreadTurns } from "./spread-turns.ts";

/** Numbers of those among `count` pulses of a boot that are for everybody. */
function spread(roster: number, count: number, boot: number, joinAt?: number): readonly number[] {
  const turns = new SpreadTurns();
  return Array.from({ length: count }, (_, at) => at).filter((at) =>
    turns.isNext("witnesses", boot, { roster, version: at === joinAt ? 2 : 1 }),
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
  const turns = new SpreadTurns();
  const fleet = { roster: 40, version: 1 };
  turns.isNext("witnesses", 1, fleet);
  expect([turns.isNext("witnesses", 1, fleet), turns.isNext("everybody", 1, fleet)]).toEqual([
    false,
    true,
  ]);
});
