import { describe, expect, test } from "vitest";
import { BEATS_COALESCED_PER_SECOND_MAX, BEATS_PER_SECOND_MAX } from "../command.ts";
import { BeatWindows, COALESCE_MS } from "./beat-window.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

describe("many beats of one robot", () => {
  test("VE7 BEATS_PER_SECOND_MAX beats a second are taken one by one, more are coalesced into one write, all are answered once it is durable", () => {
    const home = new VirtualHome();
    for (let beat = 0; beat < BEATS_PER_SECOND_MAX; beat += 1)
      expect(home.beat("r")).toMatchObject({ ok: true });
    const commits = home.commits.length;
    for (let beat = 0; beat < 20; beat += 1) expect(home.beat("r")).toBeUndefined();
    expect(home.commits.length).toBe(commits);
    home.advance(COALESCE_MS);
    expect(home.commits.length).toBe(commits + 1);
    const answers = home.replies.slice(BEATS_PER_SECOND_MAX);
    expect(answers.length).toBe(20);
    expect(answers.every(({ result, after }) => result.ok && after === commits + 1)).toBe(true);
    expect(home.view("r")?.beats).toBe(30);
    home.restart();
    expect(home.view("r")?.beats).toBe(30);
  });

  test("VE7 of coalesced beats the latest of each kind is kept, in the order in which they came", () => {
    const home = new VirtualHome({ config: { robotGraceMs: 30_000 } });
    for (let beat = 0; beat < BEATS_PER_SECOND_MAX; beat += 1) home.beat("r");
    home.beat("r", "fail", { message: "old" });
    home.beat("r", "start", { runId: "1" });
    home.beat("r", "fail", { message: "new" });
    home.beat("r", "success");
    home.beat("r", "start", { runId: "2" });
    home.advance(COALESCE_MS);
    expect(home.view("r")).toMatchObject({ beats: 15, health: "ok", started: true });
    const run = home.records.get("r")?.get("/run") as readonly unknown[];
    expect(run.slice(0, 3)).toEqual(["start", null, "2"]);
    const texts = home.commits.flatMap((ops) =>
      ops.map((op) => (op.type === "put" ? new TextDecoder().decode(op.value) : "")),
    );
    expect(texts.some((text) => text.includes("new"))).toBe(true);
    expect(texts.some((text) => text.includes("old"))).toBe(false);
  });

  test("P3 VE7 a spooled beat does not take the place of a live one that is coalesced with it", () => {
    const home = new VirtualHome({ config: { robotEveryMs: 100 } });
    for (let beat = 0; beat < BEATS_PER_SECOND_MAX; beat += 1) home.beat("r", "success");
    home.advance(500);
    expect(home.says("r")).toBe("down/missed");
    home.beat("r", "success");
    home.beat("r", "success", { spooledAtWallMs: home.wallMs - 400 });
    home.advance(COALESCE_MS);
    expect(home.says("r")).toBe("up");
    expect(home.view("r")?.beats).toBe(BEATS_PER_SECOND_MAX + 2);
  });

  test("VE7 beyond BEATS_COALESCED_PER_SECOND_MAX a beat is refused with the time to wait, and taken after it", () => {
    const home = new VirtualHome();
    home.beat("r");
    home.advance(400);
    for (let beat = 1; beat < BEATS_COALESCED_PER_SECOND_MAX; beat += 1) home.beat("r");
    expect(home.beat("r")).toMatchObject({ ok: false, code: "beats-too-many", retryAfterMs: 600 });
    expect(home.beat("other")).toMatchObject({ ok: true });
    home.advance(600);
    expect(home.beat("r")).toEqual({ ok: true });
    expect(home.view("r")?.beats).toBe(BEATS_COALESCED_PER_SECOND_MAX + 1);
  });

  test("VE7 a robot of 100 ms that beats faster than it is written is never late for it", () => {
    const home = new VirtualHome({ config: { robotEveryMs: 100 } });
    for (let beat = 0; beat < 200; beat += 1) {
      home.beat("r");
      home.advance(30);
    }
    expect(home.changes("r")).toEqual([">up"]);
    home.advance(101);
    expect(home.says("r")).toBe("down/missed");
  });

  test("P6 windows that are over are swept", () => {
    const windows = new BeatWindows();
    for (let at = 0; at < 40_000; at += 1) windows.admit(`r${at}`, at);
    expect(windows.admit("r39999", 39_999)).toEqual({ type: "take" });
  });
});
