import { describe, expect, test } from "vitest";
import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("VirtualClock", () => {
  test("SG3 tasks run in the order of their moments, and of planning where moments are equal", () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(1);
    const planned = Array.from({ length: 5_000 }, (_, order) => ({
      atMs: random.integer(200),
      order,
    }));
    const ran: { atMs: number; order: number }[] = [];
    for (const task of planned) clock.call(task.atMs, () => ran.push(task));
    expect(clock.runUntil(199)).toBe(5_000);
    expect(ran).toEqual(planned.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order));
    expect(clock.size).toBe(0);
  });

  test("SG3 a task may plan others, also in the past, and time never goes back", () => {
    const clock = new VirtualClock();
    const moments: number[] = [];
    clock.call(10, () => {
      moments.push(clock.nowMs);
      clock.call(3, () => moments.push(clock.nowMs));
      clock.call(12, () => moments.push(clock.nowMs));
    });
    clock.runUntil(11);
    expect(moments).toEqual([10, 10]);
    expect(clock.nowMs).toBe(11);
    clock.runUntil(20);
    expect(moments).toEqual([10, 10, 12]);
    expect(clock.nowMs).toBe(20);
  });
});

describe("SeededRandom", () => {
  test("SG3 the same seed gives the same stream, and a fork does not depend on what was drawn", () => {
    const draw = (random: SeededRandom) => Array.from({ length: 20 }, () => random.word());
    const first = new SeededRandom(42);
    const before = draw(first.fork("node-1"));
    expect(draw(first)).toEqual(draw(new SeededRandom(42)));
    expect(draw(first.fork("node-1"))).toEqual(before);
    expect(draw(first.fork("node-2"))).not.toEqual(before);
    expect(draw(new SeededRandom(43))).not.toEqual(draw(new SeededRandom(42)));
  });

  test("SG3 draws are uniform enough and shuffles keep every item", () => {
    const random = new SeededRandom("uniform");
    let sum = 0;
    for (let i = 0; i < 20_000; i++) sum += random.unit();
    expect(sum / 20_000).toBeCloseTo(0.5, 1);
    expect(random.shuffled([1, 2, 3, 4, 5]).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });
});
