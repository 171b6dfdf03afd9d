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

  test("VE6 two live nodes that take beats of one robot within two periods are raised, once", () => {
    expect(alarms(alternate(1_000, 20))).toEqual([
      { type: "two-homes", robot: "r", homes: ["b", "c"] },
    ]);
  });

  test("VE6 a robot marked floating that nobody has claimed is no alarm", () => {
    expect(alarms(alternate(1_000, 20, { f: 1 }))).toEqual([]);
  });

  test("VE6 each move is raised, once, when the one before was quiet", () => {
    expect(alarms(alternate(1_000, 1))).toHaveLength(1);
    expect(alarms(alternate(60_001, 3))).toHaveLength(3);
  });

  test("VE6 a claim on a robot of a dead home is raised, accepted or not", () => {
    const accepted = reader({ a: 0 });
    const refused = reader({ a: 0 });
    refused.claim("r", "b");
    refused.records.set("r", new Map());
    for (const home of [accepted, refused]) {
      home.judgeNode("c", "up");
      home.judgeNode("b", "down");
      const audited = home.audit.head().size;
      for (let seq = 1; seq <= 9; seq += 1) {
        home.advance(500);
        home.hear("c", 1, seq, [summary({ n: 5 + seq, c: 5 + seq, a: 0, e: 100 })]);
      }
      expect(alarms(home)).toEqual([{ type: "two-homes", robot: "r", homes: ["b", "c"] }]);
      expect(home.audit.head().size).toBeGreaterThan(audited);
    }
    expect([accepted.says("r"), refused.says("r")]).toEqual(["up", "down/home-down"]);
  });

  test("VE6 a reader that learns of an earlier move raises nothing", () => {
    const home = reader({ a: 50_000 });
    home.judgeNode("c", "up");
    home.advance(1_000);
    home.hear("c", 1, 1, [summary({ n: 1, c: 1, a: 2_000 })]);
    expect(home.view("r")?.node).toBe("c");
    expect(alarms(home)).toEqual([]);
  });

  test("P6 HOMES_RAISED_MAX pairs of homes of one robot are raised at a time", () => {
    const homes = new TwoHomes();
    const raised = (other: string, atMonoMs: number) =>
      homes.claimed("r", ["h", other], 1_000, atMonoMs);
    for (let at = 0; at < HOMES_RAISED_MAX; at += 1) expect(raised(`n${at}`, at)).toBeDefined();
    expect(raised("x", 10)).toBeUndefined();
    for (let at = 500; at < 5_000; at += 500) expect(raised("n1", at)).toBeUndefined();
    expect(raised("x", 5_000)).toEqual(["h", "x"]);
  });
});
