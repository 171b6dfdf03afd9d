import { describe, expect, test } from "vitest";
import { LABELS_MAX, type CommandResult } from "../command.ts";
import type { Json } from "../json.ts";
import type { Schedule } from "../view/schedule.ts";
import { CRON_EDITS_PER_SECOND_MAX } from "./edits.ts";
import { ROBOT_FLIPS_AUDITED_PER_SECOND_MAX } from "./flip-audit.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

const HOUR_MS = 3_600_000;

function every(everyMs: number, graceMs = 0): Schedule {
  return { type: "every", everyMs, graceMs, missed: 1, startupMs: 60_000 };
}

function leafOf(everyMs: number): ["every", number, number, number, number] {
  return ["every", everyMs, 0, 1, 60_000];
}

/** A home with one robot `r` that has just given its first beat. */
function homeWith(schedule: Schedule): VirtualHome {
  const home = new VirtualHome();
  home.register("r", schedule);
  home.beat("r");
  return home;
}

/** What another node's chain says of `r` reaches this one. */
function hearEdit(home: VirtualHome, pointer: string, value: Json): void {
  home.author = "elsewhere";
  home.records.get("r")?.set(pointer, value);
  home.robots.onRecord("r", home.now);
  home.settle();
}

/** A robot that beats at node `other`, whose chain registered it. */
function awayFrom(home: VirtualHome, status: "up" | "down" = "up"): void {
  home.author = "other";
  home.records.set("r", new Map([["/schedule", leafOf(1_000)]]));
  home.claim("r", "other");
  home.judgeNode("other", "up");
  const beat = { r: "r", n: 1, c: 1, t: 10, a: 10, e: 1_000 };
  home.hear("other", 1, 1, [status === "up" ? beat : { ...beat, s: "down", y: "missed" }]);
}

function retired(result: CommandResult | undefined): unknown {
  return result?.ok === true ? result.retired : result?.code;
}

describe("robots that are edited elsewhere", () => {
  test("VE7 the home takes over a schedule that another node wrote, judges by it at once and after a restart, and revives nothing", () => {
    const home = homeWith(every(HOUR_MS));
    hearEdit(home, "/schedule", leafOf(1_000));
    expect(home.view("r")?.schedule).toEqual(every(1_000));
    home.advance(1_001);
    expect(home.says("r")).toBe("down/missed");
    hearEdit(home, "/schedule", leafOf(HOUR_MS));
    expect(home.says("r")).toBe("down/missed");
    home.beat("r");
    home.restart(5_000);
    expect([home.says("r"), home.view("r")?.schedule]).toEqual(["up", every(HOUR_MS)]);
  });

  test("VE7 an edit that the home held durably and had not taken over counts from the start", () => {
    const home = homeWith(every(HOUR_MS));
    home.author = "elsewhere";
    home.records.get("r")?.set("/schedule", leafOf(1_000));
    home.records.get("r")?.set("/labels/role", "precheck");
    home.restart(2_000);
    expect([home.says("r"), home.view("r")?.labels]).toEqual(["down/missed", { role: "precheck" }]);
  });

  test("VE7 a schedule that cannot be kept is not taken over", () => {
    const home = homeWith(every(1_000));
    hearEdit(home, "/schedule", ["cron", "never", "UTC", 0, 60_000]);
    hearEdit(home, "/schedule", ["every", 1, 0, 1, 60_000]);
    expect(home.view("r")?.schedule).toEqual(every(1_000));
    home.advance(1_001);
    expect(home.says("r")).toBe("down/missed");
  });

  test("VE7 a robot that another node hosts is edited in the record, hosted nowhere else, and the same again writes nothing", () => {
    const home = new VirtualHome();
    awayFrom(home);
    expect(home.register("r", every(5_000), { labels: { a: "1" } })).toEqual({ ok: true });
    expect(home.writes.at(-1)).toEqual({ robot: "r", pointers: ["/schedule", "/labels/a"] });
    expect([home.robots.hosted, home.view("r")?.node]).toEqual([0, "other"]);
    const written = home.writes.length;
    expect(home.register("r", every(5_000), { labels: { a: "1" } })).toEqual({ ok: true });
    expect(home.writes).toHaveLength(written);
    home.register("r", every(5_000));
    const [, audited] = [...home.rows].findLast(([key]) => key.startsWith("audit/")) ?? [];
    expect(Buffer.from(audited ?? []).includes("/labels/a")).toBe(true);
    home.refusesWrites = "state-too-large";
    expect(home.register("r", every(6_000))).toMatchObject({ ok: false, code: "state-too-large" });
  });

  test("VE7 HT25 a robot whose home has left is taken over as it was said: what else stood in its record goes, and it is no new one", () => {
    const home = new VirtualHome();
    awayFrom(home);
    home.records.get("r")?.set("/labels/old", "1").set("/floating", true);
    home.judgeNode("other", "left", "goodbye");
    expect(home.register("r", every(5_000), { labels: { new: "2" } })).toEqual({ ok: true });
    expect(home.robots.hosted).toBe(1);
    const { labels, floating } = home.recordOf("r") ?? {};
    expect([labels, floating]).toEqual([{ new: "2" }, false]);
    expect(home.claimants.get("r")).toContain("home");
  });

  test("VE7 what cannot be written is refused, and nothing is hosted or changed by it", () => {
    const home = homeWith(every(1_000));
    home.refusesWrites = "robots-max";
    expect(home.register("s", every(1_000))).toMatchObject({ ok: false, code: "robots-max" });
    expect(home.register("r", every(2_000))).toMatchObject({ ok: false, code: "robots-max" });
    expect([home.robots.hosted, home.view("r")?.schedule]).toEqual([1, every(1_000)]);
  });
});

describe("edits by whoever may write", () => {
  test("VE7 a label that is none, or one too many, hides no other and no schedule", () => {
    const home = homeWith(every(HOUR_MS));
    home.author = "elsewhere";
    const record = home.records.get("r");
    record?.set("/labels/bad key", "x").set("/labels/a", "1");
    for (let i = 0; i < LABELS_MAX + 5; i += 1) record?.set(`/labels/k${String(i + 10)}`, "v");
    hearEdit(home, "/schedule", leafOf(1_000));
    const { labels = {}, schedule } = home.view("r") ?? {};
    expect(schedule).toEqual(every(1_000));
    expect([Object.keys(labels).length, labels["a"], labels["bad key"]]).toEqual([
      LABELS_MAX,
      "1",
      undefined,
    ]);
  });

  test("P6 CRON_EDITS_PER_SECOND_MAX cron lines of others are looked at in a second; what waits is taken over later", () => {
    const home = new VirtualHome();
    const ids = Array.from({ length: CRON_EDITS_PER_SECOND_MAX + 10 }, (_, i) => `r${i}`);
    for (const id of ids) home.register(id, every(HOUR_MS));
    home.monoMs += 1_000 - (home.monoMs % 1_000);
    for (const id of ids) {
      home.records.get(id)?.set("/schedule", ["cron", "hourly", "UTC", 0, 60_000]);
      home.robots.onRecord(id, home.now);
    }
    home.settle();
    const taken = () => ids.filter((id) => home.view(id)?.schedule?.type === "cron").length;
    expect(taken()).toBe(CRON_EDITS_PER_SECOND_MAX);
    home.advance(1_000);
    expect(taken()).toBe(ids.length);
  });

  test("P6 ROBOT_FLIPS_AUDITED_PER_SECOND_MAX edits of one author are audited one by one in a second, all are taken over", () => {
    const home = homeWith(every(HOUR_MS));
    for (let i = 1; i <= 30; i += 1) hearEdit(home, "/schedule", leafOf(HOUR_MS - i));
    expect(home.view("r")?.schedule).toEqual(every(HOUR_MS - 30));
    const rows = [...home.rows.entries()].filter(([key]) => key.startsWith("audit/"));
    const edits = rows.filter(([, row]) => Buffer.from(row).includes("robot-edited"));
    expect(edits).toHaveLength(ROBOT_FLIPS_AUDITED_PER_SECOND_MAX);
  });

  test("VE7 CH4 an operator who adds a robot again while its home has not decided about a retirement gets a new one", () => {
    const home = homeWith(every(1_000));
    home.restart(30_000);
    home.retired.set("r", "elsewhere");
    home.robots.onRecord("r", home.now);
    home.settle();
    expect(home.register("r", every(1_000))).toEqual({ ok: true, created: true });
    expect(home.says("r")).toBe("new");
  });
});

describe("what the configuration says of robots", () => {
  test("CLI26 VE7 a restart repeats it and undoes no edit; another text of it counts", () => {
    const home = new VirtualHome();
    const config = (everyMs: number): CommandResult =>
      home.register("r", every(everyMs), { origin: "config" });
    expect(config(1_000)).toEqual({ ok: true, created: true });
    home.register("r", every(5_000));
    home.restart();
    expect(config(1_000)).toEqual({ ok: true });
    expect(home.view("r")?.schedule).toEqual(every(5_000));
    config(2_000);
    expect(home.view("r")?.schedule).toEqual(every(2_000));
  });

  test("CLI26 CH4 a robot that was retired since is not brought back by a restart", () => {
    const home = new VirtualHome();
    home.register("r", every(1_000), { origin: "config" });
    home.retireRobot("r");
    home.restart();
    expect(home.register("r", every(1_000), { origin: "config" })).toEqual({ ok: true });
    expect([home.says("r"), home.robots.hosted]).toEqual(["nothing", 0]);
    home.register("r", every(2_000), { origin: "config" });
    expect(home.says("r")).toBe("new");
  });
});

describe("retirement", () => {
  test("CH4 its home retires a robot in any state; again says when it was; an unknown one is refused", () => {
    const home = homeWith(every(1_000));
    const atWallMs = home.wallMs;
    expect(retired(home.retireRobot("r"))).toEqual({ by: "home", atWallMs, isOld: false });
    expect([home.says("r"), home.robots.hosted, home.rows.has("robot/r")]).toEqual([
      "nothing",
      0,
      false,
    ]);
    expect(retired(home.retireRobot("r"))).toMatchObject({ by: "home", isOld: true });
    const told = { type: "robot-retired", robot: "r", by: "home", atWallMs };
    expect(home.events.filter(({ type }) => type === "robot-retired")).toEqual([told]);
    expect(retired(home.retireRobot("none"))).toBe("robot-unknown");
    home.restart();
    expect(home.says("r")).toBe("nothing");
    expect(home.beat("r")).toEqual({ ok: true, created: true });
    expect(home.view("r")?.schedule).not.toEqual(every(1_000));
  });

  test("CH4 P4 a robot that lives at another node is retired there alone; one that is down, or whose home is away, everywhere", () => {
    const home = new VirtualHome();
    awayFrom(home);
    expect(retired(home.retireRobot("r"))).toBe("robot-alive");
    home.judgeNode("other", "paused", "restart");
    expect(retired(home.retireRobot("r"))).toBe("robot-alive");
    home.judgeNode("other", "down", "quorum");
    expect(retired(home.retireRobot("r"))).toMatchObject({ isOld: false });
    const second = new VirtualHome();
    awayFrom(second, "down");
    expect(retired(second.retireRobot("r"))).toMatchObject({ isOld: false });
  });

  test("CH4 a home that called its robot down takes another node's retirement for what it is, and its next beat is new", () => {
    const home = homeWith(every(1_000));
    home.advance(1_001);
    home.retired.set("r", "elsewhere");
    home.robots.onRecord("r", home.now);
    home.settle();
    expect([home.says("r"), home.robots.hosted, home.restated]).toEqual(["nothing", 0, []]);
    expect(home.retired.get("r")).toBe("home");
    expect(home.beat("r")).toEqual({ ok: true, created: true });
  });

  test("P4 CH4 a marker counts for the home also where somebody registered the robot above it: a living one is said again, one that is down is let go", () => {
    for (const isDown of [false, true]) {
      const home = homeWith(every(1_000));
      if (isDown) home.advance(1_001);
      home.author = "elsewhere";
      home.claimants.set("r", new Set(["elsewhere"]));
      home.hidden.set("r", "elsewhere");
      home.robots.onRecord("r", home.now);
      home.settle();
      expect([home.restated, home.robots.hosted]).toEqual(isDown ? [[], 0] : [["r"], 1]);
      expect(home.retired.has("r")).toBe(false);
    }
  });

  test("CH4 HT26 an operator who retires a robot at its home means it, also where the home has not answered another node's marker yet", () => {
    const home = homeWith(every(HOUR_MS));
    for (const _ of [1, 2]) {
      home.retired.set("r", "stranger");
      home.robots.onRecord("r", home.now);
      home.settle();
    }
    expect([home.restated, home.robots.hosted]).toEqual([["r"], 1]);
    expect(retired(home.retireRobot("r"))).toMatchObject({ isOld: true });
    home.advance(10_000);
    expect([home.says("r"), home.robots.hosted, home.restated]).toEqual(["nothing", 0, ["r"]]);
    expect(home.beat("r")).toEqual({ ok: true, created: true });
  });

  test("P4 a robot that dies while its home may not restate it yet is not hidden: the home says it again when it may", () => {
    const home = homeWith(every(1_000));
    for (const _ of [1, 2]) {
      home.retired.set("r", "stranger");
      home.robots.onRecord("r", home.now);
      home.settle();
    }
    expect(home.restated).toHaveLength(1);
    home.advance(9_999);
    expect(home.says("r")).toBe("nothing");
    home.advance(1);
    expect([home.says("r"), home.restated.length]).toEqual(["down/missed", 2]);
  });

  test("CH4 P4 a home that was away gives a retired robot its startup to show life, whether it knew of the retirement or learns of it", () => {
    for (const learnsLate of [false, true]) {
      const home = homeWith(every(1_000));
      if (!learnsLate) home.retired.set("r", "elsewhere");
      home.restart(30_000);
      home.robots.announce(home.now);
      home.retired.set("r", "elsewhere");
      home.robots.onRecord("r", home.now);
      home.settle();
      home.advance(59_999);
      expect([home.robots.hosted, home.restated]).toEqual([1, []]);
      home.advance(1);
      expect([home.robots.hosted, home.says("r")]).toEqual([0, "nothing"]);
    }
  });

  test("CH4 P4 a node that its robot has left forgets it by its deadline when the new home retires it, unless the robot beats here after all", () => {
    for (const isLie of [false, true]) {
      const home = homeWith(every(HOUR_MS));
      home.claim("r", "other");
      home.judgeNode("other", "up");
      home.advance(1_000);
      home.hear("other", 1, 1, [{ r: "r", n: 1, c: 1, t: 10, a: 10, e: HOUR_MS }]);
      expect(home.view("r")?.node).toBe("other");
      home.retired.set("r", "other");
      home.robots.onRecord("r", home.now);
      home.settle();
      home.advance(HOUR_MS - 1_000);
      expect([home.robots.hosted, home.restated, home.says("r")]).toEqual([1, [], "nothing"]);
      if (isLie) {
        home.beat("r");
        expect([home.says("r"), home.restated]).toEqual(["up", ["r"]]);
      } else {
        home.advance(1);
        expect([home.robots.hosted, home.restated]).toEqual([0, []]);
        // A marker of its own would hide what the home says again where it does not agree.
        expect(home.retired.get("r")).toBe("other");
      }
    }
  });
});
