import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSummaries } from "./beat-summary.ts";
import { FLIP_PULSES, PulseQueue } from "./pulse-queue.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

const ITEM_BYTES = 10;

function take(queue: PulseQueue, bytesMax: number, isForEverybody = false): readonly string[] {
  return queue.take(bytesMax, isForEverybody, (robot) => ({ item: robot, bytes: ITEM_BYTES }));
}

describe("PulseQueue", () => {
  test("PU2 flips go first, in three pulses, then robots with new beats, then everybody in turn", () => {
    const queue = new PulseQueue();
    for (let at = 0; at < 20; at += 1) queue.markChanged(`r${String(at).padStart(2, "0")}`);
    for (let pulse = 0; pulse < 3; pulse += 1) take(queue, 103);
    queue.markChanged("r05");
    queue.markFlip("r13", 0);
    expect(take(queue, 103).slice(0, 2)).toEqual(["r13", "r05"]);
    for (let pulse = 1; pulse < FLIP_PULSES; pulse += 1) expect(take(queue, 103)[0]).toBe("r13");
    expect(take(queue, 103)[0]).not.toBe("r13");
  });

  test("PU2 everybody appears at least every ⌈n / ⌊bytesMax / 4b⌋⌉ + 1 pulses, however busy the others are", () => {
    const scenario = fc.record({
      robots: fc.integer({ min: 1, max: 80 }),
      bytesMax: fc.integer({ min: 80, max: 400 }),
      busy: fc.array(fc.nat(79), { maxLength: 60 }),
      flips: fc.array(fc.nat(79), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(scenario, ({ robots, bytesMax, busy, flips }) => {
        const queue = new PulseQueue();
        const name = (at: number): string => `r${at % robots}`;
        for (let at = 0; at < robots; at += 1) queue.markChanged(name(at));
        const pulsesMax = Math.ceil(robots / Math.floor(bytesMax / 4 / ITEM_BYTES)) + 1;
        const lastSaid = new Map<string, number>();
        for (let pulse = 0; pulse < 4 * pulsesMax; pulse += 1) {
          for (const at of busy) queue.markChanged(name(at));
          for (const at of flips) queue.markFlip(name(at), 0);
          const said = take(queue, bytesMax);
          expect(3 + said.length * ITEM_BYTES).toBeLessThanOrEqual(bytesMax);
          expect(new Set(said).size).toBe(said.length);
          for (const robot of said) lastSaid.set(robot, pulse);
          for (let at = 0; at < robots; at += 1) {
            expect(pulse - (lastSaid.get(name(at)) ?? -1)).toBeLessThanOrEqual(pulsesMax);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("PU8 what happened to robots is news until pulses for everybody have said all of it, however few of them one holds", () => {
    const queue = new PulseQueue();
    const robots = Array.from({ length: 30 }, (_, at) => `r${10 + at}`);
    for (const robot of robots) queue.markFlip(robot, 0);
    for (let pulse = 0; pulse < 2 * robots.length; pulse += 1) take(queue, 103);
    const told = new Set<string>();
    for (let pulse = 0; pulse < 5 && queue.hasNews; pulse += 1)
      for (const robot of take(queue, 103, true)) told.add(robot);
    expect([...told].toSorted()).toEqual(robots);
    expect(queue.hasNews).toBe(false);
  });

  test("PU8 what happened since somebody went away is news again when it is back, what happened before is not, and after a new boot all is", () => {
    const queue = new PulseQueue();
    queue.markChanged("quiet");
    queue.markFlip("early", 1_000);
    queue.markFlip("late", 5_000);
    queue.markFlip("retired", 5_000);
    queue.delete("retired");
    take(queue, 103, true);
    queue.tellAgain(5_001);
    expect(queue.hasNews).toBe(false);
    queue.tellAgain(5_000);
    expect([queue.hasNews, take(queue, 103, true)[0], queue.hasNews]).toEqual([
      true,
      "late",
      false,
    ]);
    queue.markStart(9_000);
    expect(queue.hasNews).toBe(true);
    expect(take(queue, 103, true).toSorted()).toEqual(["early", "late", "quiet"]);
    queue.tellAgain(9_000);
    expect(queue.hasNews).toBe(true);
  });
});

describe("beatsForPulse", () => {
  test("PU2 summaries of 2,000 robots keep to 4 KiB a pulse, are cumulative, and each decodes", () => {
    const home = new VirtualHome();
    for (let at = 0; at < 2_000; at += 1)
      home.beat(`robot-with-a-longer-name-${at}`, at % 7 === 0 ? "fail" : "beat");
    const heard = new Set<string>();
    for (let pulse = 0; pulse < 140; pulse += 1) {
      home.advance(100);
      const beats = home.robots.beatsForPulse(4_096, home.now);
      expect(dagCbor.encode(beats).length).toBeLessThanOrEqual(4_096);
      for (const summary of decodeSummaries(dagCbor.decode(dagCbor.encode(beats))) ?? [])
        heard.add(summary.robot);
    }
    expect(heard.size).toBe(2_000);
  });

  test("PU2 a summary says everything about a robot, with ages at sending", () => {
    const home = new VirtualHome({ config: { robotEveryMs: 10_000, robotGraceMs: 60_000 } });
    home.beat("r", "start");
    home.advance(2_000);
    home.beat("r", "fail");
    home.advance(12_500);
    expect(decodeSummaries(home.robots.beatsForPulse(8_000, home.now))).toEqual([
      {
        robot: "r",
        beatSeq: 2,
        ageMs: 12_500,
        count: 2,
        kind: "fail",
        health: "failing",
        status: "late",
        reason: "overdue",
        sinceAgeMs: 2_500,
        dueWallMs: undefined,
        everyMs: 10_000,
        started: false,
        floating: false,
      },
    ]);
  });

  test("PU2 a node without robots says nothing", () => {
    expect(new VirtualHome().robots.beatsForPulse(8_000, { monoMs: 0, wallMs: 0 })).toEqual([]);
  });
});
