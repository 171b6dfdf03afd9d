import { describe, expect, test } from "vitest";
import { ROBOTS_PER_NODE_MAX } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

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

  test("CH4 a robot that its home retires is forgotten, shown nowhere, and new when it beats again", () => {
    const home = homeWith(every(1_000));
    home.retired.set("r", home.self);
    home.robots.onRecord("r", home.now);
    home.settle();
    expect([home.says("r"), home.rows.has("robot/r"), home.robots.ids()]).toEqual([
      "nothing",
      false,
      [],
    ]);
    expect(home.beat("r", "beat", { create: "never" })).toMatchObject({
      ok: false,
      code: "robot-unknown",
    });
    expect(home.beat("r")).toEqual({ ok: true, created: true });
    expect([home.says("r"), home.rows.has("robot/r")]).toEqual(["up", true]);
    home.advance(HOUR_MS);
  });

  test("P4 CH4 who hosts a robot keeps it whoever retires it: no row goes, no beat is refused, and it is told once", () => {
    const home = homeWith(every(1_000));
    home.retired.set("r", "stranger");
    home.robots.onRecord("r", home.now);
    home.settle();
    expect([home.says("r"), home.rows.has("robot/r"), home.restated]).toEqual(["up", true, ["r"]]);
    home.retired.set("r", "stranger");
    home.robots.onRecord("r", home.now);
    expect(home.beat("r")).toEqual({ ok: true });
    expect(home.restated).toHaveLength(1);
    home.advance(60_000);
    home.beat("r");
    expect([home.says("r"), home.restated]).toEqual(["up", ["r", "r"]]);
    home.retired.set("r", "stranger");
    home.restart(59_000);
    home.robots.announce(home.now);
    home.settle();
    expect(home.restated).toHaveLength(2);
    home.beat("r");
    expect([home.says("r"), home.restated.length]).toEqual(["up", 3]);
    const told = { type: "rejected", reason: "retired-elsewhere", from: "stranger" };
    expect(home.events.filter(({ type }) => type === "rejected")).toEqual([told, told, told]);
  });

  test("P4 a retirement by somebody without a claim is told once to the operator of the home", () => {
    const home = homeWith(every(1_000));
    home.unheeded.set("r", "stranger");
    for (let count = 0; count < 3; count++) home.robots.onRecord("r", home.now);
    home.settle();
    expect(home.restated).toEqual([]);
    expect(home.events.filter(({ type }) => type === "rejected")).toEqual([
      { type: "rejected", reason: "retired-elsewhere", from: "stranger" },
    ]);
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
