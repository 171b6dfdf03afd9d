import { createTestPorts, RIG_FLEET, RIG_WALL_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import type { Now } from "../now.ts";
import { Outbox } from "../outbox.ts";
import { Absences } from "./absences.ts";
import { Subject } from "./subject.ts";

const INTERVAL_MS = 1_000;
const DAY_MS = 86_400_000;
const ROW = "seen/b";

function envOf(self: string): Env {
  const identity = { fleet: RIG_FLEET, self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

/** A reader that follows one member, and what it has on disk. */
class Reader {
  readonly env: Env = envOf("a");
  readonly absences: Absences = new Absences(this.env);
  readonly rows: Map<string, Uint8Array>;
  readonly subject: Subject;
  monoMs = 0;
  writes = 0;
  #wallMs: number;
  #seq = 0;

  constructor(mayBeOfflineMs: number, wallMs: number, rows: ReadonlyMap<string, Uint8Array>) {
    this.rows = new Map(rows);
    this.#wallMs = wallMs;
    this.absences.restore([...rows].map(([key, value]) => ({ key, value })));
    this.subject = new Subject("b", INTERVAL_MS, this.now);
    this.subject.mayBeOfflineMs = mayBeOfflineMs;
    this.absences.follow(this.subject, this.now);
  }

  get now(): Now {
    return { monoMs: this.monoMs, wallMs: this.#wallMs + this.monoMs };
  }

  /** A pulse that was `lateMs` on its way, and the look at its author that follows. */
  pulse(lateMs = 0): void {
    this.#seq += 1;
    const pulse = {
      boot: 1,
      seq: this.#seq,
      upMs: this.monoMs - lateMs,
      intervalMs: INTERVAL_MS,
    };
    this.subject.dating.onPulse(pulse, this.monoMs, true);
    this.subject.datedSinceBase = true;
    this.look();
  }

  look(): void {
    this.absences.note(this.subject, this.now);
    for (const effect of this.env.out.drain()) {
      if (effect.type !== "persist") continue;
      this.writes += 1;
      for (const op of effect.ops) {
        if (op.type === "put") this.rows.set(op.key, op.value);
        else this.rows.delete(op.key);
      }
    }
  }

  /** The wall clock is set. */
  step(byMs: number): void {
    this.#wallMs += byMs;
    this.absences.recall(this.subject, this.now);
  }

  get seenWallMs(): unknown {
    const row = this.rows.get(ROW);
    return row === undefined ? undefined : this.env.ports.codec.decode(row);
  }
}

describe("since when a member that may be offline is silent", () => {
  test.each([
    ["a millisecond", 1],
    ["a minute", 60_000],
    ["400 days", 400 * DAY_MS],
  ])(
    "VE9 P6 a member that may be offline for %s and pulses a hundred times a second is written every 10 s at most",
    (_span, mayBeOfflineMs) => {
      const reader = new Reader(mayBeOfflineMs, RIG_WALL_MS, new Map());
      for (; reader.monoMs < 60_000; reader.monoMs += 10) reader.pulse();
      expect(reader.writes).toBeGreaterThan(0);
      expect(reader.writes).toBeLessThanOrEqual(8);
    },
  );

  test("VE9 P6 PU7 the same where its pulses arrive, but all of them late", () => {
    const reader = new Reader(DAY_MS, RIG_WALL_MS, new Map());
    reader.pulse();
    for (; reader.monoMs < 60_000; reader.monoMs += 500)
      reader.pulse(Math.min(reader.monoMs, 4_000));
    expect(reader.subject.isFresh(reader.monoMs)).toBe(false);
    expect(reader.subject.isDelayed(reader.monoMs)).toBe(true);
    expect(reader.writes).toBeLessThanOrEqual(10);
    // And exactly once it is silent.
    const lastMs = reader.subject.seenMonoMs;
    reader.monoMs += 10_000;
    reader.look();
    expect(reader.seenWallMs).toBe(Math.floor(RIG_WALL_MS + lastMs));
  });

  test("VE9 P9 a reader that starts in 1970 and is then told the time neither begins anew for that run nor spoils the row", () => {
    const first = new Reader(30 * DAY_MS, RIG_WALL_MS, new Map());
    first.pulse();
    first.monoMs = 60_000;
    first.look();
    expect(first.seenWallMs).toBe(RIG_WALL_MS);
    const again = new Reader(30 * DAY_MS, 1_000_000, first.rows);
    again.look();
    expect(again.subject.isAllowedAway(60_000)).toBe(true);
    again.monoMs = 20_000;
    again.step(RIG_WALL_MS + 31 * DAY_MS - 1_000_000);
    again.look();
    expect(again.subject.seenMonoMs).toBeLessThan(-30 * DAY_MS);
    expect(again.subject.isAllowedAway(60_000)).toBe(false);
    expect(again.seenWallMs).toBe(RIG_WALL_MS);
    expect(again.writes).toBe(0);
    // A member that it learned of itself, or heard, is silent by the monotonic clock, whatever the wall clock does.
    again.pulse();
    again.step(31 * DAY_MS);
    expect(again.subject.seenMonoMs).toBe(20_000);
    const learned = new Reader(30 * DAY_MS, RIG_WALL_MS - 3 * DAY_MS, new Map());
    learned.look();
    learned.step(3 * DAY_MS);
    expect(learned.subject.seenMonoMs).toBe(0);
  });

  test("VE9 P8 what a reader wrote while its clock said 1970 accuses nobody once the clock is right", () => {
    const wrong = new Reader(30 * DAY_MS, 1_000_000, new Map());
    wrong.look();
    const silentMs = wrong.subject.seenMonoMs;
    wrong.step(RIG_WALL_MS);
    expect(wrong.subject.seenMonoMs).toBe(silentMs);
    const right = new Reader(30 * DAY_MS, RIG_WALL_MS, wrong.rows);
    right.look();
    expect(right.subject.deadlineMonoMs).toBeGreaterThan(29 * DAY_MS);
    expect(right.seenWallMs).toBe(RIG_WALL_MS);
  });
});

test("VE9 P6 a node of a fleet of 1,000 that may all be offline keeps 66 bytes of each, and writes them once an hour, over restarts", () => {
  const minuteMs = 60_000;
  const ids = Array.from({ length: 999 }, (_, i) => `12D3KooW${String(i).padStart(44, "0")}`);
  const rows = new Map<string, Uint8Array>();
  const perHour: number[] = [];
  for (const run of [0, 1]) {
    const env = envOf("a");
    const absences = new Absences(env);
    absences.restore([...rows].map(([key, value]) => ({ key, value })));
    const wallMs = RIG_WALL_MS + run * 3 * 60 * minuteMs;
    const subjects = ids.map((id) => {
      const subject = new Subject(id, minuteMs, { monoMs: 0, wallMs });
      subject.mayBeOfflineMs = 30 * DAY_MS;
      absences.follow(subject, { monoMs: 0, wallMs });
      return subject;
    });
    let writes = 0;
    for (let minute = 1; minute <= 180; minute += 1) {
      const monoMs = minute * minuteMs;
      for (const subject of subjects) {
        const pulse = { boot: 1 + run, seq: minute, upMs: monoMs, intervalMs: minuteMs };
        subject.dating.onPulse(pulse, monoMs, true);
        subject.datedSinceBase = true;
        absences.note(subject, { monoMs, wallMs: wallMs + monoMs });
      }
      for (const effect of env.out.drain()) {
        if (effect.type !== "persist") continue;
        writes += effect.ops.length;
        for (const op of effect.ops) if (op.type === "put") rows.set(op.key, op.value);
      }
      if (minute % 60 > 0) continue;
      perHour.push(writes / ids.length);
      writes = 0;
    }
  }
  const bytes = [...rows].map(([key, value]) => key.length + value.length);
  expect([rows.size, Math.max(...bytes)]).toEqual([999, 66]);
  // The first is new to the disk, and heard.
  expect(perHour).toEqual([2, 1, 1, 1, 1, 1]);
});
