import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LABELS_MAX, SCHEDULE_MS_MAX, SCHEDULE_MS_MIN } from "../command.ts";
import { cutText } from "./cut-text.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { checkLabels, LABEL_VALUE_LENGTH_MAX } from "./labels.ts";
import {
  CRON_LINE_LENGTH_MAX,
  SCHEDULE_MISSED_MAX,
  scheduleFrom,
  scheduleFromJson,
  scheduleToJson,
  TIME_ZONE_LENGTH_MAX,
  type ScheduleOptions,
} from "./schedule.ts";
import { virtualPorts } from "./virtual-home.test-support.ts";

const { cron } = virtualPorts();

describe("scheduleFrom", () => {
  const good: readonly [ScheduleOptions, object][] = [
    [{}, { type: "every", everyMs: 60_000, graceMs: 0, missed: 3, startupMs: 60_000 }],
    [{ everyMs: 10_000 }, { everyMs: 10_000, graceMs: 0, missed: 3 }],
    [
      { everyMs: 10_000, graceMs: 20_000 },
      { graceMs: 20_000, missed: 1 },
    ],
    [
      { everyMs: 10_000, graceMs: 0 },
      { graceMs: 0, missed: 1 },
    ],
    [
      { everyMs: 10_000, graceMs: 5_000, missed: 4 },
      { graceMs: 5_000, missed: 4 },
    ],
    [
      { cron: "hourly" },
      { type: "cron", line: "hourly", timeZone: "UTC", graceMs: 0, startupMs: 60_000 },
    ],
    [
      { cron: "hourly", timeZone: "Europe/Berlin", graceMs: 1 },
      { timeZone: "Europe/Berlin", graceMs: 1 },
    ],
  ];
  test.each(good)("VE7 defaults: %j", (options, expected) => {
    expect(scheduleFrom(options, cron, 0)).toMatchObject({ ok: true, schedule: expected });
  });

  const bad: readonly [ScheduleOptions, string][] = [
    [{ everyMs: SCHEDULE_MS_MIN - 1 }, "'every'"],
    [{ everyMs: SCHEDULE_MS_MAX + 1 }, "'every'"],
    [{ everyMs: 1_000.5 }, "'every'"],
    [{ everyMs: Number.NaN }, "'every'"],
    [{ graceMs: -1 }, "'grace'"],
    [{ graceMs: SCHEDULE_MS_MAX + 1 }, "'grace'"],
    [{ startupMs: 0 }, "'startup'"],
    [{ missed: 0 }, "'missed'"],
    [{ missed: SCHEDULE_MISSED_MAX + 1 }, "'missed'"],
    [{ everyMs: 1_000, cron: "hourly" }, "exclude"],
    [{ cron: "hourly", missed: 2 }, "'missed'"],
    [{ timeZone: "UTC" }, "'timeZone'"],
    [{ cron: "nonsense" }, "cron line"],
    [{ cron: "x".repeat(CRON_LINE_LENGTH_MAX + 1) }, "'cron'"],
    [{ cron: "hourly", timeZone: "x".repeat(TIME_ZONE_LENGTH_MAX + 1) }, "'timeZone'"],
  ];
  test.each(bad)(
    "VE7 refuses what is outside SCHEDULE_MS_MAX, SCHEDULE_MISSED_MAX, CRON_LINE_LENGTH_MAX, TIME_ZONE_LENGTH_MAX: %j",
    (options, word) => {
      const result = scheduleFrom(options, cron, 0);
      expect(result).toMatchObject({ ok: false, code: "schedule-invalid" });
      expect(result.ok ? "" : result.detail).toContain(word);
    },
  );

  test("VE7 a schedule reads back from its leaf, and nothing else does", () => {
    for (const [options] of good) {
      const result = scheduleFrom(options, cron, 0);
      if (result.ok)
        expect(scheduleFromJson(scheduleToJson(result.schedule))).toEqual(result.schedule);
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.array(fc.anything()),
          fc.tuple(fc.constantFrom("every", "cron"), fc.anything()),
        ),
        (leaf) => {
          expect(scheduleFromJson(leaf)).toBeUndefined();
        },
      ),
    );
  });
});

describe("labels and text", () => {
  test("P6 LABELS_MAX labels of LABEL_VALUE_LENGTH_MAX characters are taken, one more or longer is not", () => {
    const labels = Object.fromEntries(
      Array.from({ length: LABELS_MAX }, (_, at) => [`k${at}`, "v".repeat(LABEL_VALUE_LENGTH_MAX)]),
    );
    expect(checkLabels(labels)).toBeDefined();
    expect(checkLabels({ ...labels, more: "v" })).toBeUndefined();
    expect(checkLabels({ k: "v".repeat(LABEL_VALUE_LENGTH_MAX + 1) })).toBeUndefined();
    expect(checkLabels({ k: 1 })).toBeUndefined();
    expect(checkLabels({ "": "v" })).toBeUndefined();
  });

  test("CH7 labels live in a map without prototype", () => {
    expect(Object.getPrototypeOf(checkLabels({ constructor: "x" }))).toBeNull();
    expect(checkLabels(JSON.parse('{"__proto__":"x"}') as Record<string, string>)).toBeUndefined();
  });

  test("P6 cutText never exceeds its bytes, never cuts a character, and is well formed", () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom("a", "ü", "€", "😀", "\ud800", "\udc00"),
          maxLength: 40,
        }),
        fc.nat(60),
        (text, bytesMax) => {
          const cut = cutText(text, bytesMax);
          expect(new TextEncoder().encode(cut).length).toBeLessThanOrEqual(bytesMax);
          expect(text.toWellFormed().startsWith(cut)).toBe(true);
          if (new TextEncoder().encode(text).length <= bytesMax)
            expect(cut).toBe(text.toWellFormed());
        },
      ),
    );
  });
});

describe("DeadlineHeap", () => {
  test("VE7 gives out ids in order of their dates under any mix of sets and deletes", () => {
    const step = fc.record({
      id: fc.constantFrom(..."abcdefghij".split("")),
      at: fc.option(fc.nat(20), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const heap = new DeadlineHeap();
        const model = new Map<string, number>();
        for (const { id, at } of steps) {
          if (at === undefined) heap.delete(id);
          else heap.set(id, at);
          if (at === undefined) model.delete(id);
          else model.set(id, at);
          expect(heap.dateOf(id)).toBe(at);
          expect(heap.size).toBe(model.size);
        }
        const order: string[] = [];
        for (let next = heap.peek(); next !== undefined; next = heap.peek()) {
          order.push(next.id);
          heap.delete(next.id);
        }
        expect(order).toEqual(
          [...model]
            .toSorted(([a, atA], [b, atB]) => atA - atB || (a < b ? -1 : 1))
            .map(([id]) => id),
        );
      }),
    );
  });
});
