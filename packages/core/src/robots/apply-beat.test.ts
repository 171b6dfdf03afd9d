import { describe, expect, test } from "vitest";
import { BEAT_MESSAGE_BYTES_MAX, RUN_ID_LENGTH_MAX } from "../command.ts";
import type { BeatKind } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import { RUN_MESSAGE_BYTES_MAX } from "./apply-beat.ts";
import { VirtualHome, WALL_MS } from "./virtual-home.test-support.ts";

function every(
  everyMs: number,
  rest: { graceMs?: number; missed?: number; startupMs?: number } = {},
): Schedule {
  return { type: "every", everyMs, graceMs: 0, missed: 1, startupMs: 60_000, ...rest };
}

/** A home with one robot `r` that has just given its first beat. */
function homeWith(schedule: Schedule): VirtualHome {
  const home = new VirtualHome();
  home.register("r", schedule);
  home.beat("r");
  return home;
}

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

  test("P6 BEAT_MESSAGE_BYTES_MAX and RUN_ID_LENGTH_MAX cut what comes with a beat, RUN_MESSAGE_BYTES_MAX what of it goes into the record", () => {
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
    expect(new TextEncoder().encode(run[5]).length).toBe(RUN_MESSAGE_BYTES_MAX);
  });
});
