import { describe, expect, test } from "vitest";
import type { Schedule } from "../view/schedule.ts";
import { INBOX_AGE_MS_MAX, STALL_DRAIN_MS } from "./stall-drain.ts";
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

describe("restart and clocks", () => {
  test("VE7 restarting a node resets no deadline: the silence goes on where it was", () => {
    const home = homeWith(every(10_000, { missed: 3 }));
    home.advance(8_000);
    home.restart(1_000);
    home.advance(1_000);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("late/overdue");
    home.restart(21_000);
    expect(home.says("r")).toBe("down/missed");
  });

  test.each(["late", "down"])(
    "P3 VE7 a wall clock that went back while the node was off does not revive a robot that was %s",
    (was) => {
      const home = homeWith(every(10_000, { missed: 3 }));
      home.advance(was === "late" ? 10_001 : 30_001);
      home.restart(0, -HOUR_MS);
      expect(home.view("r")?.status).toBe(was);
      home.advance(20_001);
      expect(home.says("r")).toBe("down/missed");
      home.beat("r");
      expect(home.says("r")).toBe("up");
    },
  );

  test("VE7 a robot is at least as old after a restart as the newest row proves, whatever the wall clock says", () => {
    const home = homeWith(every(10_000, { missed: 3 }));
    home.advance(9_000);
    home.beat("s");
    home.restart(0, -HOUR_MS);
    home.advance(1_000);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("late/overdue");
  });

  test.each([-2, 2, 30])(
    "SG3 VE7 a wall step of %s h re-plans a cron robot and is no missed run",
    (hours) => {
      const home = homeWith(hourly(60_000));
      home.advance(HOUR_MS / 2);
      home.wallMs += hours * HOUR_MS;
      home.robots.beatsForPulse(8_000, home.now);
      home.settle();
      home.advance(HOUR_MS / 2);
      expect(home.says("r")).toBe("up");
      home.advance(1);
      expect(home.says("r")).toBe("late/overdue");
      expect(home.view("r")?.dueWallMs).toBe(WALL_MS + (hours + 1) * HOUR_MS);
    },
  );

  test("VE7 a wall step forgives no run that is late already", () => {
    const home = homeWith(hourly(60_000));
    home.advance(HOUR_MS + 1);
    home.wallMs -= 10 * HOUR_MS;
    home.advance(59_999);
    expect(home.says("r")).toBe("late/overdue");
    home.advance(1);
    expect(home.says("r")).toBe("down/missed");
  });

  test("VE7 a wall clock that drifts moves the due time along", () => {
    const home = homeWith(hourly(0));
    for (let minute = 0; minute < 59; minute += 1) {
      home.advance(60_000);
      home.wallMs -= 100;
      home.robots.beatsForPulse(8_000, home.now);
      home.settle();
    }
    home.advance(60_000 + 5_900);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("down/missed");
  });
});

describe("stalls", () => {
  test("PU6 VE6 a stall is no robot's fault: deadlines move by it, and the inbox drains before any is judged", () => {
    const home = homeWith(every(1_000, { missed: 1 }));
    home.advance(999);
    home.freeze(5_000);
    home.robots.onStall(5_000, home.now);
    home.settle();
    home.advance(STALL_DRAIN_MS - 1);
    expect(home.says("r")).toBe("up");
    home.beat("r");
    home.advance(1_000);
    expect(home.changes("r")).toEqual([">new", "new>up"]);
    home.advance(1);
    expect(home.says("r")).toBe("down/missed");
  });

  test("PU6 VE6 a robot that was silent before a stall has what was left of its time after it", () => {
    const home = homeWith(every(10_000, { missed: 2 }));
    home.advance(5_000);
    home.freeze(60_000);
    home.robots.onStall(60_000, home.now);
    home.settle();
    home.advance(5_000);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("late/overdue");
    home.advance(10_000);
    expect(home.says("r")).toBe("down/missed");
  });

  test("PU6 P3 a stall revives nothing, and a robot that stays silent is found", () => {
    const home = homeWith(every(1_000, { missed: 3 }));
    home.register("s", every(500));
    home.beat("s");
    home.advance(1_001);
    expect([home.says("r"), home.says("s")]).toEqual(["late/overdue", "down/missed"]);
    home.freeze(60_000);
    home.robots.onStall(60_000, home.now);
    home.settle();
    expect([home.says("r"), home.says("s")]).toEqual(["late/overdue", "down/missed"]);
    home.advance(2_000);
    expect(home.says("r")).toBe("down/missed");
  });

  test("PU6 P3 a beat that waited in the inbox of a stall over INBOX_AGE_MS_MAX revives nobody who was down; the next one does", () => {
    for (const [stallMs, word] of [
      [INBOX_AGE_MS_MAX + 1, "down/missed"],
      [INBOX_AGE_MS_MAX, "up"],
    ] as const) {
      const home = homeWith(every(1_000));
      home.register("s", every(60_000));
      home.beat("s");
      home.advance(3_001);
      expect([home.says("r"), home.says("s")]).toEqual(["down/missed", "up"]);
      home.freeze(stallMs);
      home.robots.onStall(stallMs, home.now);
      home.settle();
      home.beat("r", "fail", { message: "told late" });
      home.beat("s");
      expect([home.says("r"), home.says("s")]).toEqual([word, "up"]);
      expect(home.view("r")?.health).toBe("failing");
      home.advance(STALL_DRAIN_MS);
      expect(home.says("r")).toBe(word);
      home.beat("r");
      expect(home.says("r")).toBe("up");
    }
  });

  test("PU6 a spooled beat during the drain does not lose the deadline", () => {
    const home = homeWith(every(1_000));
    home.freeze(5_000);
    home.robots.onStall(10, home.now);
    home.beat("r", "beat", { spooledAtWallMs: home.wallMs - 4_000 });
    home.advance(STALL_DRAIN_MS);
    expect(home.says("r")).toBe("down/missed");
  });
});

describe("spooled beats", () => {
  test("P3 VE7 a spooled beat keeps its own time and revives nothing, however fresh it claims to be", () => {
    const home = homeWith(every(1_000, { missed: 3 }));
    home.advance(3_001);
    for (const agoMs of [2_000, 100, 0, -HOUR_MS]) {
      expect(home.beat("r", "beat", { spooledAtWallMs: home.wallMs - agoMs })).toEqual({
        ok: true,
      });
      expect(home.says("r")).toBe("down/missed");
    }
    expect(home.view("r")?.beats).toBe(5);
    home.beat("r");
    expect(home.says("r")).toBe("up");
  });

  test("P3 a spooled beat does not end a late status and does not start a new robot", () => {
    const home = homeWith(every(1_000, { missed: 3 }));
    home.register("s", every(1_000, { startupMs: 5_000 }));
    home.advance(1_001);
    home.beat("r", "success", { spooledAtWallMs: home.wallMs });
    home.beat("s", "success", { spooledAtWallMs: home.wallMs });
    expect([home.says("r"), home.says("s")]).toEqual(["late/overdue", "new"]);
    home.advance(4_000);
    expect(home.says("s")).toBe("down/never-started");
  });

  test("VE7 a spooled beat that is newer than the newest contact moves the deadlines, an older one moves nothing", () => {
    const home = homeWith(every(10_000));
    home.advance(8_000);
    home.beat("r", "fail", { spooledAtWallMs: home.wallMs - 2_000 });
    expect(home.view("r")).toMatchObject({
      ageMs: 2_000,
      health: "failing",
      lastCheckWallMs: WALL_MS + 6_000,
    });
    home.beat("r", "success", { spooledAtWallMs: home.wallMs - 5_000 });
    expect(home.view("r")).toMatchObject({ ageMs: 2_000, health: "failing", beats: 3 });
    home.advance(8_000);
    expect(home.says("r")).toBe("up");
    home.advance(1);
    expect(home.says("r")).toBe("down/missed");
  });
});
