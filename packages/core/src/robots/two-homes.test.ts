import { describe, expect, test } from "vitest";
import { HOMES_RAISED_MAX, TwoHomes } from "./two-homes.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

function summary(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { r: "r", n: 5, c: 5, a: 100, t: 9_000, e: 10_000, ...rest };
}

/** A reader that has heard of robot `r` from its home `b`, which is up. */
function reader(rest: Record<string, unknown> = {}): VirtualHome {
  const home = new VirtualHome({ self: "a" });
  home.judgeNode("b", "up");
  home.hear("b", 1, 1, [summary(rest)]);
  return home;
}

describe("two homes", () => {
  /** The robot beats at `b` and `c` in turn, every `gapMs`. */
  function alternate(
    gapMs: number,
    times: number,
    rest: Record<string, unknown> = {},
  ): VirtualHome {
    const home = reader({ a: 0, ...rest });
    home.judgeNode("c", "up");
    for (let turn = 1; turn <= times; turn += 1) {
      home.advance(gapMs);
      home.hear(turn % 2 === 1 ? "c" : "b", 1, turn + 1, [
        summary({ n: 5 + turn, c: 5 + turn, a: 0, ...rest }),
      ]);
    }
    return home;
  }
  const alarms = (home: VirtualHome): readonly unknown[] =>
    home.events.filter((event) => event.type === "two-homes");

  test("VE6 two live nodes that take beats of one robot in turn are raised, once, when the one that was left takes another", () => {
    expect(alarms(alternate(1_000, 2))).toEqual([
      { type: "two-homes", robot: "r", homes: ["b", "c"] },
    ]);
    expect(alarms(alternate(1_000, 20))).toHaveLength(1);
  });

  test("VE6 a slow robot that beats in turn at two nodes is raised within two of its periods", () => {
    expect(alarms(alternate(3_600_000, 2, { e: 7_200_000 }))).toHaveLength(1);
  });

  test("VE6 a robot marked floating that nobody has claimed is no alarm", () => {
    expect(alarms(alternate(1_000, 20, { f: 1 }))).toEqual([]);
  });

  test("VE6 a robot that is moved on purpose raises nothing, and neither does moving it back later", () => {
    expect(alarms(alternate(1_000, 1))).toEqual([]);
    expect(alarms(alternate(60_001, 3))).toEqual([]);
    const home = alternate(1_000, 1);
    for (let beat = 1; beat <= 100; beat += 1) {
      home.advance(1_000);
      home.hear("c", 1, 2 + beat, [summary({ n: 6 + beat, c: 6 + beat, a: 0 })]);
    }
    expect(home.view("r")?.node).toBe("c");
    expect(alarms(home)).toEqual([]);
  });

  /** A reader for whom `b` alone may be the home, and is down. */
  function claimed(): VirtualHome {
    const home = reader({ a: 0 });
    home.claim("r", "b");
    home.records.set("r", new Map());
    home.judgeNode("c", "up");
    home.judgeNode("b", "down");
    return home;
  }

  test("VE6 P3 a claim that the document does not know is raised once it goes on, and never revives the robot", () => {
    const home = claimed();
    const audited = home.audit.head().size;
    for (let seq = 1; seq <= 40; seq += 1) {
      home.advance(500);
      home.hear("c", 1, seq, [summary({ n: 5 + seq, c: 5 + seq, a: 0, e: 100 })]);
      expect(alarms(home)).toHaveLength(seq <= 20 ? 0 : 1);
    }
    expect(alarms(home)).toEqual([{ type: "two-homes", robot: "r", homes: ["b", "c"] }]);
    expect(home.says("r")).toBe("down/home-down");
    expect(home.audit.head().size).toBeGreaterThan(audited);
  });

  test("VE6 a claim is raised at its second beat while the home goes on as well, though the document does not know it", () => {
    const home = claimed();
    home.judgeNode("b", "up");
    for (let turn = 1; turn <= 4; turn += 1) {
      home.advance(1_000);
      home.hear("c", 1, turn, [summary({ n: 5 + turn, c: 5 + turn, a: 0 })]);
      expect(alarms(home)).toHaveLength(turn === 1 ? 0 : 1);
      home.advance(1_000);
      home.hear("b", 1, 1 + turn, [summary({ n: 5 + turn, c: 5 + turn, a: 0 })]);
    }
  });

  test("VE6 a node whose first beats come before the entry that claims the robot raises nothing", () => {
    const home = claimed();
    home.advance(500);
    home.hear("c", 1, 1, [summary({ n: 1, c: 1, a: 0 })]);
    home.advance(2_000);
    home.claim("r", "c");
    for (let seq = 2; seq <= 40; seq += 1) {
      home.advance(500);
      home.hear("c", 1, seq, [summary({ n: seq, c: seq, a: 0 })]);
    }
    expect([home.says("r"), ...alarms(home)]).toEqual(["up"]);
  });

  test("VE6 a reader that learns of an earlier move raises nothing", () => {
    const home = reader({ a: 50_000 });
    home.judgeNode("c", "up");
    home.advance(1_000);
    home.hear("c", 1, 1, [summary({ n: 1, c: 1, a: 2_000 })]);
    expect(home.view("r")?.node).toBe("c");
    expect(alarms(home)).toEqual([]);
  });

  /**
   * `b` takes a beat every 500 ms and says so in a pulse each second; from the third second on `c`, which claims the robot as well, always
   * says that its own beat is newer, and that the robot is `word`.
   */
  function takeover(word: Record<string, unknown>, options: { bBeats: boolean }): VirtualHome {
    const home = reader({ a: 0 });
    for (const node of ["b", "c"]) home.claim("r", node);
    home.records.set("r", new Map());
    home.judgeNode("c", "up");
    let beatMonoMs = home.monoMs;
    for (let step = 1; step <= 400; step += 1) {
      home.advance(50);
      const seq = 10 + step;
      if (step % 10 === 0 && (step <= 60 || options.bBeats)) beatMonoMs = home.monoMs - 20;
      if (step % 20 === 5) {
        const n = 5 + Math.floor(step / 10);
        home.hear("b", 1, seq, [summary({ n, c: n, a: home.monoMs - beatMonoMs })]);
      }
      if (step > 60) home.hear("c", 1, seq, [summary({ n: step, c: step, a: 0, t: 0, ...word })]);
    }
    return home;
  }

  test("VE6 P2 a home whose beats go on outvotes a claimant that is always newer and says down: the robot is up, and raised once", () => {
    const home = takeover({ s: "down", y: "missed" }, { bBeats: true });
    expect([home.says("r"), home.view("r")?.node]).toEqual(["up/two-homes", "b"]);
    expect(alarms(home)).toEqual([{ type: "two-homes", robot: "r", homes: ["b", "c"] }]);
    expect(home.changes("r")).toEqual([">up", "up>down", "down>up"]);
  });

  test("VE6 P2 it takes the word of both homes to call a robot down: once the one it beat at says so, too, it is", () => {
    const home = takeover({ s: "down", y: "missed" }, { bBeats: true });
    home.hear("b", 1, 1_000, [summary({ n: 99, c: 99, a: 10_001, s: "down", y: "missed", t: 0 })]);
    expect(home.says("r")).toBe("down/missed");
    const other = takeover({ s: "down", y: "missed" }, { bBeats: true });
    other.judgeNode("b", "down");
    expect(other.says("r")).toBe("down/missed");
  });

  test("VE6 a claimant that takes over and goes away, while the home's beats go on, hides nothing", () => {
    for (const standing of ["unknown", "paused", "left", "down"] as const) {
      const home = takeover({}, { bBeats: true });
      home.judgeNode("c", standing);
      expect([home.says("r"), home.view("r")?.node]).toEqual(["up/two-homes", "b"]);
    }
  });

  test("VE6 P3 a robot that was moved on purpose is down when its new home says so, though the old one has not missed it yet", () => {
    const home = takeover({ s: "down", y: "missed" }, { bBeats: false });
    expect([home.says("r"), home.view("r")?.node]).toEqual(["down/missed", "c"]);
    expect(alarms(home)).toEqual([]);
  });

  test("VE6 a robot with a cron line is raised at its next beat at the home that was left, however long that takes", () => {
    const home = reader({ a: 0, e: undefined });
    for (const node of ["b", "c"]) home.claim("r", node);
    home.records.set("r", new Map());
    home.judgeNode("c", "up");
    const cron = { e: undefined, a: 0, s: "down", y: "missed" };
    for (let beat = 1; beat <= 60; beat += 1) {
      home.advance(60_000);
      home.hear("c", 1, beat, [summary({ n: beat, c: beat, ...cron })]);
    }
    expect(alarms(home)).toEqual([]);
    home.advance(10);
    home.hear("b", 1, 2, [summary({ n: 6, c: 6, a: 15, e: undefined })]);
    expect(alarms(home)).toHaveLength(1);
    expect(home.says("r")).toBe("up/two-homes");
  });

  test("VE6 a beat after the move is raised once, and not again while only the new home takes beats", () => {
    const home = takeover({}, { bBeats: true });
    for (let beat = 1; beat <= 300; beat += 1) {
      home.advance(1_000);
      home.hear("c", 1, 1_000 + beat, [summary({ n: 500 + beat, c: 500 + beat, a: 0 })]);
    }
    expect(alarms(home)).toHaveLength(1);
    expect([home.says("r"), home.view("r")?.node]).toEqual(["up", "c"]);
  });

  test("P6 HOMES_RAISED_MAX pairs of homes of one robot are raised at a time, and pairs that are not give way", () => {
    const homes = new TwoHomes();
    const claim = (other: string, atMonoMs: number) =>
      homes.claimed(
        "r",
        {
          home: "h",
          homeBeatMonoMs: atMonoMs,
          claimant: other,
          beatMonoMs: atMonoMs,
          isRefused: false,
        },
        1_000,
        atMonoMs,
      );
    for (let at = 0; at < 3 * HOMES_RAISED_MAX; at += 1)
      expect(claim(`moved${at}`, at)).toBeUndefined();
    const pairs = Array.from({ length: HOMES_RAISED_MAX }, (_, index) => `n${index}`);
    for (const [index, other] of pairs.entries()) {
      expect(claim(other, 20 + 2 * index)).toBeUndefined();
      expect(claim(other, 21 + 2 * index)).toEqual(["h", other]);
    }
    for (const atMonoMs of [100, 101]) expect(claim("x", atMonoMs)).toBeUndefined();
    for (let at = 500; at < 5_000; at += 500) expect(claim("n1", at)).toBeUndefined();
    expect([claim("x", 5_000), claim("x", 5_001)]).toEqual([undefined, ["h", "x"]]);
  });
});
