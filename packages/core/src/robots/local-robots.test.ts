import { describe, expect, test } from "vitest";
import { BEAT_MESSAGE_BYTES_MAX, RUN_ID_LENGTH_MAX, ROBOTS_PER_NODE_MAX } from "../command.ts";
import type { BeatKind, Schedule } from "../command.ts";
import { VirtualHome, WALL_MS } from "./virtual-home.ts";

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

describe("runs and health", () => {
  const ends: readonly [BeatKind, number | undefined, string][] = [
    ["success", undefined, "ok"],
    ["exit", 0, "ok"],
    ["exit", 3, "failing"],
    ["fail", undefined, "failing"],
  ];

  test.each(ends)(
    "VE7 a run that ends with %s %s makes health %s and counts as contact",
    (kind, exitCode, health) => {
      const home = homeWith(every(10_000, { graceMs: 5_000 }));
      home.beat("r", "start", { runId: "a" });
      expect(home.view("r")?.started).toBe(true);
      home.advance(4_000);
      home.beat("r", kind, { runId: "a", exitCode });
      expect(home.view("r")).toMatchObject({ status: "up", health, started: false, ageMs: 0 });
      expect(home.records.get("r")?.get("/run")).toEqual([
        kind,
        exitCode ?? null,
        "a",
        WALL_MS,
        WALL_MS + 4_000,
        "",
      ]);
    },
  );

  test("VE7 a started run is late one grace after its start and down after two, and a plain beat does not prolong it", () => {
    const home = homeWith(every(60_000, { graceMs: 5_000 }));
    home.beat("r", "start");
    home.advance(3_000);
    home.beat("r");
    home.advance(2_000);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("late/run-overdue");
    home.beat("r");
    expect(home.says("r")).toBe("late/run-overdue");
    home.advance(4_999);
    expect(home.says("r")).toBe("late/run-overdue");
    home.advance(1);
    expect(home.says("r")).toBe("down/run-overdue");
    home.beat("r", "success");
    expect(home.says("r")).toBe("up");
  });

  test("VE7 without grace a run has no limit but the schedule", () => {
    const home = homeWith(every(60_000));
    home.beat("r", "start");
    home.advance(60_000);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("down/missed");
  });

  test("VE7 the end of another run counts as contact and leaves the open run open", () => {
    const home = homeWith(every(60_000, { graceMs: 5_000 }));
    home.beat("r", "start", { runId: "new" });
    home.advance(1_000);
    home.beat("r", "success", { runId: "old" });
    expect(home.view("r")).toMatchObject({ started: true, ageMs: 0 });
    home.beat("r", "success", { runId: "new" });
    expect(home.view("r")?.started).toBe(false);
  });

  test("VE7 success after a failure makes health ok, a plain beat leaves it failing, and a beat may say degraded", () => {
    const home = homeWith(every(60_000));
    home.beat("r", "fail");
    home.beat("r");
    expect(home.view("r")).toMatchObject({ health: "failing", status: "up" });
    home.beat("r", "success");
    expect(home.view("r")?.health).toBe("ok");
    home.beat("r", "beat", { health: "degraded" });
    expect(home.view("r")?.health).toBe("degraded");
    home.beat("r", "fail", { health: "ok" });
    expect(home.view("r")?.health).toBe("failing");
  });

  test("VE7 a log is kept and counted, and is no contact", () => {
    const home = homeWith(every(1_000));
    home.advance(900);
    home.beat("r", "log", { message: "still here" });
    expect(home.view("r")).toMatchObject({ beats: 2, ageMs: 900 });
    expect(home.rows.has("robot-message/r")).toBe(true);
    home.advance(101);
    expect(home.says("r")).toBe("down/missed");
  });

  test("DU2 chain entries are written for registration, health, runs and exit codes, and for no plain beat", () => {
    const home = homeWith(every(60_000));
    const written = (): readonly string[][] =>
      home.writes.splice(0).map((write) => [...write.pointers]);
    expect(written()).toEqual([["/schedule"]]);
    for (let round = 0; round < 5; round += 1) home.beat("r", round % 2 === 0 ? "beat" : "success");
    expect(written()).toEqual([]);
    home.beat("r", "start");
    home.beat("r", "exit", { exitCode: 1 });
    home.beat("r", "exit", { exitCode: 2 });
    home.advance(2_000);
    home.beat("r", "success");
    expect(written()).toEqual([["/run"], ["/health", "/run"], ["/run"], ["/health"]]);
  });

  test("P6 BEAT_MESSAGE_BYTES_MAX and RUN_ID_LENGTH_MAX cut what comes with a beat, the record takes 256 bytes of it", () => {
    const home = homeWith(every(60_000));
    home.beat("r", "fail", {
      message: "ü".repeat(BEAT_MESSAGE_BYTES_MAX),
      runId: "x".repeat(RUN_ID_LENGTH_MAX + 5),
    });
    const kept = home.ports.codec.decode(home.rows.get("robot-message/r") as Uint8Array) as [
      string,
      number,
      string,
    ];
    expect(new TextEncoder().encode(kept[2]).length).toBe(BEAT_MESSAGE_BYTES_MAX);
    const run = home.records.get("r")?.get("/run") as [string, null, string, null, number, string];
    expect(run[2].length).toBe(RUN_ID_LENGTH_MAX);
    expect(new TextEncoder().encode(run[5]).length).toBe(256);
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
    expect(home.view("r")).toEqual(r);
    expect(home.view("c")).toEqual(c);
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
    ).toEqual(["robot/..", "robot/r"]);
    expect(home.says("s")).toBe("up");
  });
});

describe("registration", () => {
  test("VE7 a bad id, schedule or label is refused with its code, and changes nothing", () => {
    const home = new VirtualHome();
    const labels = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`k${at}`, "v"]));
    expect(home.beat("../etc")).toMatchObject({ ok: false, code: "robot-id-invalid" });
    expect(home.register("r", every(99))).toMatchObject({ ok: false, code: "schedule-invalid" });
    expect(
      home.register("r", { ...hourly(0), type: "cron", line: "never" } as Schedule),
    ).toMatchObject({ code: "schedule-invalid" });
    expect(home.register("r", every(1_000), { labels })).toMatchObject({
      ok: false,
      code: "label-invalid",
    });
    expect(home.register("r", every(1_000), { labels: { "__proto__ ": "x" } })).toMatchObject({
      code: "label-invalid",
    });
    expect([home.commits.length, home.robots.hosted]).toEqual([0, 0]);
  });

  test("VE7 registering again writes only what changed, and a longer schedule revives nothing", () => {
    const home = new VirtualHome();
    home.register("r", every(1_000), { labels: { a: "1", b: "2" } });
    home.beat("r");
    home.advance(1_001);
    home.writes.length = 0;
    home.register("r", every(1_000), { labels: { a: "1", b: "2" } });
    expect(home.writes).toEqual([]);
    home.register("r", every(HOUR_MS), { labels: { a: "1", "c/d": "3" } });
    expect(home.writes).toEqual([
      { robot: "r", pointers: ["/schedule", "/labels/c~1d", "/labels/b"] },
    ]);
    expect(home.says("r")).toBe("down/missed");
  });

  test("VE7 a shorter schedule takes effect at once", () => {
    const home = homeWith(every(HOUR_MS));
    home.register("r", every(1_000));
    home.advance(1_001);
    expect(home.says("r")).toBe("down/missed");
  });

  test("CH4 a retired robot is forgotten, shown nowhere, and takes no beat", () => {
    const home = homeWith(every(1_000));
    home.retired.add("r");
    home.robots.onRecord("r", home.now);
    home.settle();
    expect([home.says("r"), home.rows.has("robot/r"), home.robots.ids()]).toEqual([
      "nothing",
      false,
      [],
    ]);
    expect(home.beat("r")).toMatchObject({ ok: false, code: "robot-unknown" });
    expect(home.register("r", every(1_000))).toMatchObject({ ok: false, code: "robot-unknown" });
    home.advance(HOUR_MS);
  });

  test("P6 ROBOTS_PER_NODE_MAX robots are hosted, the next one is refused, and a beat costs no more than with few", () => {
    const home = new VirtualHome();
    home.beat("r0");
    const row = home.rows.get("robot/r0") as Uint8Array;
    for (let at = 0; at < ROBOTS_PER_NODE_MAX; at += 1) home.rows.set(`robot/r${at}`, row);
    home.rows.set("robot/s-is-one-too-many", row);
    home.restart();
    expect(home.robots.hosted).toBe(ROBOTS_PER_NODE_MAX);
    expect(home.beat("one-more")).toMatchObject({ ok: false, code: "robots-max" });
    expect(home.register("one-more", every(1_000))).toMatchObject({
      ok: false,
      code: "robots-max",
    });
    const before = home.timersSet;
    home.freeze(1_000);
    for (let at = 0; at < ROBOTS_PER_NODE_MAX; at += 1) home.beat(`r${at}`);
    expect(home.timersSet - before).toBe(0);
    home.advance(60_000);
    expect(home.says("r7")).toBe("up");
    home.advance(1);
    expect(home.says("r7")).toBe("down/missed");
  });
});
