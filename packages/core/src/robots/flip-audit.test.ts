import { describe, expect, test } from "vitest";
import { decode } from "@ipld/dag-cbor";
import { ROBOT_FLIPS_AUDITED_PER_SECOND_MAX } from "./flip-audit.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

/** Kind and data of every entry in the audit log, oldest first. */
function audited(home: VirtualHome): readonly (readonly [string, Record<string, unknown>])[] {
  const keys = [...home.rows.keys()].filter((key) => key.startsWith("audit/")).toSorted();
  return keys.map((key) => {
    const bytes = home.rows.get(key) ?? new Uint8Array();
    const [, , kind, data] = decode<[number, number, string, Record<string, unknown>]>(bytes);
    return [kind, data];
  });
}

function flip(home: VirtualHome, node: string, seq: number, robots: number): void {
  const s = seq % 2 === 0 ? "up" : "late";
  const beats = Array.from({ length: robots }, (_, index) => ({
    r: `${node}${index}`,
    n: seq,
    c: seq,
    a: 0,
    t: 0,
    s,
  }));
  home.hear(node, 1, seq, beats);
}

describe("the audit of flips", () => {
  test("P6 VE6 ROBOT_FLIPS_AUDITED_PER_SECOND_MAX flips of one home's robots are audited in a second, of the others the number, and every one is told", () => {
    const home = new VirtualHome({ self: "a" });
    for (const node of ["b", "c"]) home.judgeNode(node, "up");
    for (let seq = 1; seq <= 100; seq += 1) {
      flip(home, "b", seq, 150);
      home.advance(10);
    }
    flip(home, "c", 1, 1);
    home.advance(1_000);
    flip(home, "c", 2, 1);
    const log = audited(home);
    const of = (node: string) =>
      log.filter(([kind, data]) => kind === "robot-status" && data["home"] === node);
    expect(of("b")).toHaveLength(ROBOT_FLIPS_AUDITED_PER_SECOND_MAX);
    expect(of("c")).toHaveLength(2);
    expect(log.filter(([kind]) => kind === "robot-entries-suppressed")).toEqual([
      [
        "robot-entries-suppressed",
        { home: "b", suppressed: 15_000 - ROBOT_FLIPS_AUDITED_PER_SECOND_MAX },
      ],
    ]);
    expect(home.events.filter(({ type }) => type === "robot-status")).toHaveLength(15_002);
  });

  test("P6 VE6 a member that takes many robots from others at once writes ROBOT_FLIPS_AUDITED_PER_SECOND_MAX alarms, and every one is told", () => {
    const home = new VirtualHome({ self: "a" });
    for (const node of ["b", "c"]) home.judgeNode(node, "up");
    const robots = Array.from({ length: 200 }, (_, index) => `r${index}`);
    const say = (node: string, seq: number): void =>
      home.hear(
        node,
        1,
        seq,
        robots.map((r) => ({ r, n: seq, c: seq, a: 0, t: 0 })),
      );
    for (let turn = 1; turn <= 3; turn += 1) {
      home.advance(5_000);
      say(turn % 2 === 1 ? "b" : "c", turn);
    }
    expect(home.events.filter(({ type }) => type === "two-homes")).toHaveLength(200);
    const alarms = audited(home).filter(([kind]) => kind === "two-homes");
    expect(alarms).toHaveLength(ROBOT_FLIPS_AUDITED_PER_SECOND_MAX);
  });

  test("VE6 flips of the robots hosted here are all audited", () => {
    const home = new VirtualHome({ self: "a" });
    const robots = 3 * ROBOT_FLIPS_AUDITED_PER_SECOND_MAX;
    for (let index = 0; index < robots; index += 1) home.beat(`r${index}`);
    const statuses = audited(home).filter(([kind]) => kind === "robot-status");
    expect(statuses).toHaveLength(robots);
  });
});
