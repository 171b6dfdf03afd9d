import { describe, expect, test } from "vitest";
import { UNUSUAL_SCORE, type RobotRegularity } from "../view/regularity.ts";
import type { Schedule } from "../view/schedule.ts";
import { STALL_DRAIN_MS } from "./stall-drain.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

const HOUR_MS = 3_600_000;

function every(everyMs: number, rest: { graceMs?: number; missed?: number } = {}): Schedule {
  return { type: "every", everyMs, graceMs: 0, missed: 3, startupMs: 60_000, ...rest };
}

const HOURLY: Schedule = {
  type: "cron",
  line: "hourly",
  timeZone: "UTC",
  graceMs: 600_000,
  startupMs: 60_000,
};

function homeWith(schedule: Schedule): VirtualHome {
  const home = new VirtualHome();
  home.register("r", schedule);
  home.beat("r");
  return home;
}

/** Beats after each of these times. */
function beats(home: VirtualHome, afterMs: readonly number[]): void {
  for (const ms of afterMs) {
    home.advance(ms);
    home.beat("r");
  }
}

/** A steady robot's times: 10 s give or take 40 ms. */
function steady(count: number, everyMs = 10_000): readonly number[] {
  return Array.from({ length: count }, (_, index) => everyMs - 40 + (index % 5) * 20);
}

function seen(home: VirtualHome): RobotRegularity {
  const regularity = home.view("r")?.regularity;
  if (regularity === undefined) throw new Error("the home knows nothing of its robot");
  return regularity;
}

describe("samples", () => {
  test("RG1 RG2 a steady robot: its usual interval, the jitter around it, no drift, nothing early or late", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(60));
    expect(seen(home)).toMatchObject({
      measures: "interval",
      samples: 60,
      usualMs: 10_000,
      newestMs: 10_040,
      jitterMs: 20,
      driftMs: 0,
      early: 0,
      late: 0,
      lateAllowanceMs: 0,
    });
    expect(seen(home).newestScore).toBeLessThan(1);
    expect(seen(home).silenceScore).toBe(0);
  });

  test("RG1 the first beat is no sample, and a robot without samples has no figures", () => {
    const home = homeWith(every(10_000));
    expect(seen(home)).toMatchObject({ samples: 0, usualMs: undefined, newestScore: undefined });
    beats(home, [10_000]);
    expect(seen(home)).toMatchObject({ samples: 1, usualMs: 10_000, newestScore: undefined });
  });

  test("RG1 an outage is no sample, whatever the robot was called in it; the beats around it are", () => {
    const home = homeWith(every(10_000));
    beats(home, [10_000, 30_001, 10_000, 29_999]);
    expect(seen(home)).toMatchObject({ samples: 3, newestMs: 29_999, late: 1 });
  });

  test("RG1 a robot whose times are longer than planned is known as well: up to twice its period, or the deadline of down", () => {
    const home = homeWith(every(10_000, { missed: 1 }));
    beats(home, [10_050, 20_000, 20_001]);
    expect(seen(home)).toMatchObject({ samples: 2, late: 2 });
  });

  test("RG1 the end of a run belongs to its start: the time between two starts is the sample", () => {
    const home = homeWith(every(60_000));
    home.advance(60_000);
    for (let run = 0; run < 20; run += 1) {
      home.beat("r", "start");
      home.advance(20_000);
      home.beat("r", "success");
      home.advance(40_000);
    }
    expect(seen(home)).toMatchObject({ samples: 20, usualMs: 60_000, jitterMs: 0 });
  });

  test("RG1 logs, and spooled beats of before the newest contact, are no arrivals", () => {
    const home = homeWith(every(10_000));
    for (let round = 0; round < 5; round += 1) {
      home.advance(4_000);
      home.beat("r", "log");
      home.beat("r", "beat", { spooledAtWallMs: home.wallMs - 60_000 });
      home.advance(6_000);
      home.beat("r");
    }
    expect(seen(home)).toMatchObject({ samples: 5, usualMs: 10_000, jitterMs: 0 });
  });

  test("RG2 early is under half the usual interval, late is what the home called late or down", () => {
    const home = homeWith(every(10_100));
    beats(home, [...steady(10), 4_999, 5_000, 10_101, 15_000]);
    expect(seen(home)).toMatchObject({ samples: 14, early: 1, late: 2 });
  });

  test("RG2 a robot that beats much more often than it must is not early, one whose beats all overrun is early under half of every", () => {
    const often = homeWith(every(60_000));
    beats(often, steady(20));
    expect(seen(often)).toMatchObject({ samples: 20, usualMs: 10_000, early: 0 });
    const seldom = homeWith(every(10_000));
    beats(seldom, [15_000, 15_000, 15_000, 15_000, 6_000, 4_999]);
    expect(seen(seldom)).toMatchObject({ samples: 6, usualMs: 15_000, early: 1 });
  });

  test("RG2 an interval that creeps is a drift, also when it takes hundreds of beats", () => {
    const home = homeWith(every(20_000));
    beats(
      home,
      Array.from({ length: 300 }, (_, index) => 10_000 + index * 10),
    );
    const { driftMs = 0, usualMs = 0 } = seen(home);
    expect(usualMs).toBeCloseTo(12_695, -2);
    expect(driftMs).toBeGreaterThan(1_000);
  });
});

describe("scores", () => {
  test("RG3 a beat that comes much too late is unusual, and so is one that comes much too early", () => {
    for (const oddMs of [13_000, 7_000]) {
      const home = homeWith(every(10_500));
      beats(home, [...steady(59), oddMs]);
      expect(seen(home).newestScore).toBe(10);
      beats(home, [10_000]);
      expect(seen(home).newestScore).toBeLessThan(1);
    }
  });

  test("RG3 a silence is unusual before its schedule says late: the schedule may be wide, the history is not", () => {
    const home = homeWith(every(HOUR_MS));
    beats(home, steady(60));
    home.advance(9_000);
    expect(seen(home).silenceScore).toBe(0);
    home.advance(1_030);
    expect(seen(home).silenceScore).toBeLessThan(1);
    home.advance(180);
    expect(seen(home).silenceScore).toBeGreaterThan(UNUSUAL_SCORE);
    home.advance(600);
    expect([seen(home).silenceScore, home.says("r")]).toEqual([10, "up"]);
  });

  test("RG3 no score before sixteen samples, of the newest one before it came", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(16));
    expect(seen(home).newestScore).toBeUndefined();
    beats(home, [10_000]);
    expect(seen(home).newestScore).toBeLessThan(1);
  });
});

describe("doubts", () => {
  test("RG4 PU6 a stalled home does not call its robots irregular: what spans a stall, or was drained after it, is no sample", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(30));
    const before = seen(home);
    home.advance(5_000);
    home.freeze(8_000);
    home.robots.onStall(8_000, home.now);
    home.settle();
    expect(seen(home).silenceScore).toBeUndefined();
    home.advance(STALL_DRAIN_MS - 1);
    home.beat("r");
    beats(home, [6_000]);
    expect(seen(home)).toMatchObject({ samples: 30, newestMs: before.newestMs, late: 0 });
    expect(seen(home).newestScore).toBe(before.newestScore);
    beats(home, [10_000]);
    expect(seen(home)).toMatchObject({ samples: 31, newestMs: 10_000 });
  });

  test("RG4 a restart of the node measures nothing over it, and what was learned is kept", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(60));
    home.restart(7_000);
    expect(seen(home).silenceScore).toBeUndefined();
    const { samples } = seen(home);
    // What came since the row was written last, five minutes ago, is lost.
    expect(samples).toBe(31);
    beats(home, [2_000]);
    expect(seen(home)).toMatchObject({ samples, usualMs: 10_000, early: 0 });
    beats(home, [10_000]);
    expect(seen(home).newestMs).toBe(10_000);
  });

  test("RG4 P3 spooled beats are no samples, and none is measured from them", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(20));
    home.advance(8_000);
    home.beat("r", "beat", { spooledAtWallMs: home.wallMs - 7_000 });
    home.advance(9_000);
    home.beat("r");
    expect(seen(home)).toMatchObject({ samples: 20, early: 0 });
    beats(home, [10_000]);
    expect(seen(home)).toMatchObject({ samples: 21, newestMs: 10_000 });
  });

  test("RG4 coalesced beats are no samples: over ten a second nothing is measured", () => {
    const home = homeWith(every(10_000));
    home.advance(10_000);
    for (let beat = 0; beat < 40; beat += 1) {
      home.beat("r");
      home.advance(10);
    }
    home.advance(1_000);
    const { samples } = seen(home);
    expect(samples).toBe(10);
    beats(home, [3_000]);
    expect(seen(home).samples).toBe(samples);
  });

  test.each([-3, 5])("RG4 SG3 a wall step of %s h changes no interval", (hours) => {
    const home = homeWith(every(10_500));
    beats(home, steady(30));
    home.wallMs += hours * HOUR_MS;
    beats(home, steady(5));
    expect(seen(home)).toMatchObject({ samples: 35, usualMs: 10_000, jitterMs: 20 });
  });

  test("RG4 PU6 what spans a suspension of the home is no sample: its monotonic clock stood still", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(30));
    home.advance(2_000);
    home.wallMs += HOUR_MS;
    home.robots.onClocksParted();
    beats(home, [1_000]);
    expect(seen(home)).toMatchObject({ samples: 30, early: 0 });
    beats(home, [10_000]);
    expect(seen(home)).toMatchObject({ samples: 31, newestMs: 10_000 });
  });

  test("RG4 another schedule starts anew, another label does not, and a restart does not bring back the old", () => {
    const home = homeWith(every(10_500));
    beats(home, steady(20));
    home.register("r", every(10_500), { labels: { team: "dr" } });
    expect(seen(home).samples).toBe(20);
    home.register("r", every(11_000), { labels: { team: "dr" } });
    expect(seen(home).samples).toBe(0);
    home.restart();
    expect(seen(home).samples).toBe(0);
    beats(home, [5_000, 10_000]);
    expect(seen(home)).toMatchObject({ samples: 1, usualMs: 10_000 });
  });
});

describe("cron", () => {
  /** Runs at the next due time, and so much after it. */
  function run(home: VirtualHome, lateMs: number): void {
    const dueMs = (home.view("r")?.dueWallMs ?? 0) - home.wallMs;
    home.advance(dueMs + lateMs);
    home.beat("r", "start");
    home.advance(240_000);
    home.beat("r", "success");
  }

  test("RG1 RG2 of a cron robot the time after its due time is measured, once a run", () => {
    const home = homeWith(HOURLY);
    for (let hour = 0; hour < 40; hour += 1) run(home, 60_000 + (hour % 3) * 5_000);
    expect(seen(home)).toMatchObject({
      measures: "lateness",
      samples: 40,
      usualMs: 65_000,
      jitterMs: 5_000,
      early: 0,
      late: 0,
      lateAllowanceMs: 0,
    });
    expect(seen(home).newestScore).toBeLessThan(1);
    run(home, 900_000);
    expect(seen(home)).toMatchObject({ newestMs: 900_000, newestScore: 10, late: 1 });
  });

  test("RG1 a run shortly before its due time is early, one that was left out is no sample", () => {
    const home = homeWith(HOURLY);
    run(home, 0);
    home.advance(HOUR_MS - 240_000 - 60_000);
    home.beat("r");
    expect(seen(home)).toMatchObject({ newestMs: -60_000, early: 1 });
    const { samples } = seen(home);
    home.advance(3 * HOUR_MS + 1_200_000);
    home.beat("r");
    expect(seen(home).samples).toBe(samples);
  });

  test("RG1 a second beat after the run is no run", () => {
    const home = homeWith(HOURLY);
    for (let hour = 0; hour < 5; hour += 1) {
      home.advance((home.view("r")?.dueWallMs ?? 0) - home.wallMs + 2_000);
      home.beat("r");
      home.advance(1_200_000);
      home.beat("r");
    }
    expect(seen(home)).toMatchObject({ samples: 5, usualMs: 2_000, early: 0 });
  });

  test("RG3 a cron run that does not come is a silence, from its due time on", () => {
    const home = homeWith(HOURLY);
    for (let hour = 0; hour < 20; hour += 1) run(home, 10_000 + (hour % 3) * 1_000);
    home.advance((home.view("r")?.dueWallMs ?? 0) - home.wallMs);
    expect(seen(home).silenceScore).toBe(0);
    home.advance(60_000);
    expect(seen(home).silenceScore).toBe(10);
  });

  test("RG4 a restart of the node costs a cron robot no sample, a wall step does", () => {
    const home = homeWith(HOURLY);
    for (let hour = 0; hour < 5; hour += 1) run(home, 30_000);
    home.restart(1_000);
    run(home, 30_000);
    expect(seen(home)).toMatchObject({ samples: 6, usualMs: 30_000 });
    home.wallMs += HOUR_MS / 2;
    run(home, 30_000);
    expect(seen(home).samples).toBe(6);
    run(home, 30_000);
    expect(seen(home)).toMatchObject({ samples: 7, newestMs: 30_000, early: 0 });
  });
});

describe("late waits", () => {
  test("RG5 VE7 the allowance of late is twice the greatest overrun among the samples, gone with the sample", () => {
    const home = homeWith(every(10_000));
    beats(home, [10_200]);
    expect(seen(home).lateAllowanceMs).toBe(400);
    home.advance(10_400);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("late/overdue");
    home.beat("r");
    beats(
      home,
      Array.from({ length: 60 }, () => 9_000),
    );
    expect(seen(home).lateAllowanceMs).toBe(0);
  });

  test("RG5 VE7 a restart of the node, and a stall, leave the allowance as it is; an outage does not raise it", () => {
    const home = homeWith(every(10_000));
    beats(home, [10_200, 25_000]);
    home.restart();
    home.robots.onStall(3_000, home.now);
    home.settle();
    home.advance(STALL_DRAIN_MS);
    home.beat("r");
    expect(seen(home).lateAllowanceMs).toBe(400);
  });
});
