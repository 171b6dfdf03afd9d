import { describe, expect, test } from "vitest";
import type { Schedule } from "../view/schedule.ts";
import { JITTER_PART_MAX } from "./deadlines.ts";
import { VirtualHome, WALL_MS } from "./virtual-home.test-support.ts";

const HOUR_MS = 3_600_000;

function every(
  everyMs: number,
  rest: { graceMs?: number; missed?: number; startupMs?: number } = {},
): Schedule {
  return { type: "every", everyMs, graceMs: 0, missed: 1, startupMs: 60_000, ...rest };
}

function hourly(graceMs: number, startupMs = 60_000): Schedule {
  return { type: "cron", line: "hourly", timeZone: "UTC", graceMs, startupMs };
}

/** A home with one robot `r` that has just given its first beat. */
function homeWith(schedule: Schedule): VirtualHome {
  const home = new VirtualHome();
  home.register("r", schedule);
  home.beat("r");
  return home;
}

describe("deadlines", () => {
  const table: readonly [string, Schedule, number | undefined, number][] = [
    ["every 1 s, missed 1, no grace: straight to down", every(1_000), undefined, 1_000],
    ["every 1 s, missed 3, no grace", every(1_000, { missed: 3 }), 1_000, 3_000],
    ["every 1 s, grace 5 s", every(1_000, { graceMs: 5_000 }), 1_000, 6_000],
    ["every 1 s, missed 2, grace 500 ms", every(1_000, { missed: 2, graceMs: 500 }), 1_000, 2_500],
    ["every 100 ms, the shortest", every(100, { missed: 2 }), 100, 200],
    [
      "every 31 days, the longest",
      every(31 * 24 * HOUR_MS, { graceMs: HOUR_MS }),
      31 * 24 * HOUR_MS,
      31 * 24 * HOUR_MS + HOUR_MS,
    ],
    ["cron, grace 10 min", hourly(600_000), HOUR_MS, HOUR_MS + 600_000],
    ["cron without grace: straight to down", hourly(0), undefined, HOUR_MS],
  ];

  test.each(table)(
    "VE7 %s: late and down exactly one millisecond after their deadlines",
    (_, schedule, lateMs, downMs) => {
      const home = homeWith(schedule);
      const bornMonoMs = home.monoMs;
      if (lateMs !== undefined) {
        home.advance(lateMs);
        expect(home.says("r")).toBe("up");
        home.advance(1);
        expect(home.says("r")).toBe("late/overdue");
        expect(home.view("r")?.sinceWallMs).toBe(WALL_MS + lateMs);
      }
      home.advance(bornMonoMs + downMs - home.monoMs);
      expect(home.says("r")).toBe(lateMs === undefined ? "up" : "late/overdue");
      home.advance(1);
      expect(home.says("r")).toBe("down/missed");
      expect(home.view("r")?.sinceWallMs).toBe(WALL_MS + downMs);
    },
  );

  test.each([
    ["late", 1_000, [">new", "new>up"]],
    ["down", 3_000, [">new", "new>up", "up>late", "late>up"]],
  ])(
    "VE7 a beat in the own millisecond of the deadline of %s counts, whether or not the timer was first",
    (_, atMs, way) => {
      for (const timerFirst of [true, false]) {
        const home = homeWith(every(1_000, { missed: 3 }));
        if (timerFirst) home.advance(atMs + 0.9);
        else home.freeze(atMs + 0.9);
        home.beat("r");
        expect(home.says("r")).toBe("up");
        expect(home.changes("r")).toEqual(way);
      }
    },
  );

  test("VE7 a beat just after the deadline finds the robot down first, even when the timer is late", () => {
    const home = homeWith(every(1_000));
    home.freeze(1_001);
    home.beat("r");
    expect(home.changes("r")).toEqual([">new", "new>up", "up>down", "down>up"]);
  });

  test("VE7 late, early and outdated timers change nothing", () => {
    const home = homeWith(every(1_000, { missed: 3 }));
    for (let round = 0; round < 50; round += 1) {
      home.freeze(100);
      home.robots.onTimer(home.now);
      home.settle();
      if (round % 5 === 4) home.beat("r");
    }
    expect(home.changes("r")).toEqual([">new", "new>up"]);
  });

  test("VE7 a robot that always beats a little late stops flapping between up and late, and down is not delayed by it", () => {
    const home = homeWith(every(10_000, { missed: 3 }));
    for (let round = 0; round < 20; round += 1) {
      home.advance(10_050);
      home.beat("r");
    }
    expect(home.changes("r")).toEqual([">new", "new>up", "up>late", "late>up"]);
    home.advance(30_000);
    expect(home.says("r")).toBe("late/overdue");
    home.advance(1);
    expect(home.says("r")).toBe("down/missed");
  });
});

describe("learned jitter", () => {
  test("VE7 learned jitter delays late by JITTER_PART_MAX of the period at most, and fades", () => {
    const home = homeWith(every(10_000, { missed: 3 }));
    for (let round = 0; round < 5; round += 1) {
      home.advance(18_000);
      home.beat("r");
    }
    home.advance(10_000 + 10_000 * JITTER_PART_MAX);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("late/overdue");
    for (let round = 0; round < 200; round += 1) {
      home.beat("r");
      home.advance(9_000);
    }
    home.beat("r");
    home.advance(10_001);
    expect(home.says("r")).toBe("late/overdue");
  });
});

describe("startup", () => {
  test("VE7 a registered robot without a beat goes from new to down, never-started, after its startup", () => {
    const home = new VirtualHome();
    home.register("r", every(1_000, { startupMs: 5_000 }));
    home.advance(5_000);
    expect(home.says("r")).toBe("new");
    home.advance(1);
    expect(home.says("r")).toBe("down/never-started");
    expect(home.view("r")?.sinceWallMs).toBe(WALL_MS + 5_000);
    home.beat("r");
    expect(home.says("r")).toBe("up");
  });

  test("VE7 a cron robot is new until it is due for the first time and its grace is over", () => {
    const home = new VirtualHome();
    home.register("r", hourly(60_000));
    home.advance(HOUR_MS + 60_000);
    expect(home.says("r")).toBe("new");
    home.advance(1);
    expect(home.says("r")).toBe("down/never-started");
  });

  test("VE7 the first heartbeat of an unknown robot registers it with the node's schedule and writes it into the chain", () => {
    const home = new VirtualHome({
      config: { robotEveryMs: 7_000, robotGraceMs: 2_000, robotMissed: 2 },
    });
    expect(home.beat("r")).toEqual({ ok: true, created: true });
    expect(home.says("r")).toBe("up");
    expect(home.records.get("r")?.get("/schedule")).toEqual(["every", 7_000, 2_000, 2, 60_000]);
    expect(home.beat("r")).toEqual({ ok: true });
  });

  test("VE7 ping with create=1 registers a robot with one day and one hour, without it an unknown robot is refused", () => {
    const home = new VirtualHome();
    expect(home.beat("r", "success", { create: "never" })).toMatchObject({
      ok: false,
      code: "robot-unknown",
    });
    expect(home.beat("r", "success", { create: "ping" })).toEqual({ ok: true, created: true });
    expect(home.view("r")?.schedule).toMatchObject({
      everyMs: 24 * HOUR_MS,
      graceMs: HOUR_MS,
      missed: 1,
    });
  });

  test("VE7 a robot that the fleet knows keeps its schedule, labels and health at its next home", () => {
    const home = new VirtualHome();
    home.records.set(
      "r",
      new Map<string, never>([
        ["/schedule", ["every", 5_000, 0, 2, 60_000]],
        ["/labels/role", "precheck"],
        ["/health", "failing"],
      ] as never),
    );
    expect(home.beat("r", "beat", { create: "never" })).toEqual({ ok: true });
    expect(home.view("r")).toMatchObject({
      schedule: { everyMs: 5_000 },
      labels: { role: "precheck" },
      health: "failing",
    });
    expect(home.writes).toEqual([]);
  });
});

describe("urgent pulses", () => {
  test("PU2 a flip of health, the start and end of a run and a change of status ask for a pulse, a plain beat does not", () => {
    const home = homeWith(every(1_000, { graceMs: 60_000 }));
    const asked = (act: () => void): boolean => {
      const before = home.pulsesAsked;
      act();
      return home.pulsesAsked > before;
    };
    expect(asked(() => home.beat("r"))).toBe(false);
    expect(asked(() => home.beat("r", "start"))).toBe(true);
    expect(asked(() => home.beat("r", "success"))).toBe(true);
    expect(asked(() => home.beat("r", "beat", { health: "degraded" }))).toBe(true);
    expect(asked(() => home.advance(1_001))).toBe(true);
    expect(home.says("r")).toBe("late/overdue");
    expect(asked(() => home.beat("r"))).toBe(true);
  });
});

describe("durability", () => {
  test("DU2 the answer to a beat waits for the commit that holds the robot's row, and its chain and audit entries", () => {
    const home = homeWith(every(60_000));
    const commitsBefore = home.commits.length;
    home.beat("r", "fail");
    expect(home.commits.length).toBe(commitsBefore + 1);
    const keys = home.commits.at(-1)?.map((op) => op.key) ?? [];
    expect(keys).toContain("robot/r");
    expect(keys.some((key) => key.startsWith("chain/"))).toBe(true);
    expect(keys.some((key) => key.startsWith("audit/"))).toBe(true);
    expect(home.replies.at(-1)?.after).toBe(home.commits.length);
  });

  test("P5 VE7 every kind of beat, run, count and schedule survives a restart", () => {
    const home = homeWith(every(60_000, { graceMs: 30_000 }));
    home.register("c", hourly(60_000), { labels: { role: "dr" }, floating: true });
    home.beat("r", "exit", { exitCode: 7, runId: "a" });
    home.beat("r", "start", { runId: "b" });
    const [r, c] = [home.view("r"), home.view("c")];
    home.restart();
    // How regular it is may be five minutes old (rule RG6).
    const regularity = expect.anything();
    expect(home.view("r")).toEqual({ ...r, regularity });
    expect(home.view("c")).toEqual({ ...c, regularity });
  });

  test("P5 a damaged row is reported and the others are restored", () => {
    const home = homeWith(every(60_000));
    home.beat("s");
    home.rows.set("robot/r", new Uint8Array([0xff, 1, 2]));
    home.rows.set("robot/..", new Uint8Array([0x80]));
    const row = home.ports.codec.decode(home.rows.get("robot/s") as Uint8Array) as unknown[];
    home.rows.set("robot/t", home.ports.codec.encode(row.with(7, [0, 0, "beat", null])));
    home.restart();
    expect(
      home.events.filter((event) => event.type === "quarantined").map((event) => event.what),
    ).toEqual(["robot/..", "robot/r", "robot/t"]);
    expect(home.says("s")).toBe("up");
  });
});
