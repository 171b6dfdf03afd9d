import { CoreRig } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Command, RegisterCommand } from "../command.ts";
import type { Effect } from "../effect.ts";

const SCHEDULE = {
  type: "every",
  everyMs: 1_000,
  graceMs: 0,
  missed: 1,
  startupMs: 60_000,
} as const;
const REGISTER: RegisterCommand = {
  type: "register",
  robot: "bot",
  schedule: SCHEDULE,
  labels: {},
};

/** A running node that acknowledged `before`, on a disk that is slow from now on. */
function slowDisk(
  ...before: readonly Command[]
): (id: number, command: Command) => readonly Effect[] {
  const rig = new CoreRig("na");
  rig.start();
  for (const command of before) {
    rig.input({ type: "command", id: 0, command });
    rig.settle();
  }
  return (id, command) => rig.input({ type: "command", id, command });
}

function replies(effects: readonly Effect[]): readonly Effect[] {
  return effects.filter(({ type }) => type === "reply");
}

function commitOf(effects: readonly Effect[]): number | undefined {
  return effects.find((effect) => effect.type === "persist")?.commit;
}

describe("what operators are answered", () => {
  test("DU2 P5 what was asked before and changes nothing is answered no sooner than what it repeats is durable", () => {
    for (const [before, command] of [
      [[], REGISTER],
      [[], { ...REGISTER, origin: "config" }],
      [[REGISTER], { type: "retire", robot: "bot" }],
    ] as const) {
      const ask = slowDisk(...before);
      const commit = commitOf(ask(1, command));
      expect(commit).toBeGreaterThan(0);
      expect(replies(ask(2, command))).toMatchObject([
        { id: 2, result: { ok: true }, after: commit },
      ]);
    }
  });

  test("DU2 CLI26 P5 a repeated answer waits with the change that is not in an entry yet; a configuration whose entry is lost is applied at the next start", () => {
    const config = (robot: string, everyMs: number): Command => ({
      ...REGISTER,
      robot,
      schedule: { ...SCHEDULE, everyMs },
      origin: "config",
    });
    const rig = new CoreRig("na");
    rig.start();
    for (const robot of ["a", "b"]) {
      rig.input({ type: "command", id: 0, command: config(robot, 1_000) });
      rig.settle();
    }
    rig.input({ type: "command", id: 1, command: config("a", 2_000) });
    // Its entry waits for that of `a`; its row does not.
    for (const id of [2, 3])
      expect(replies(rig.input({ type: "command", id, command: config("b", 2_000) }))).toEqual([]);
    const rows = new Map(rig.rows);
    for (const { ops } of rig.writing)
      for (const op of ops) if (op.type === "put") rows.set(op.key, op.value);
    expect(replies(rig.settle())).toMatchObject([{ id: 2 }, { id: 3 }]);

    const next = new CoreRig("na", { rows, wallMs: rig.wallMs });
    next.start();
    next.input({ type: "command", id: 1, command: config("b", 2_000) });
    next.settle();
    expect(next.core.robot("b", next.now)?.schedule).toMatchObject({ everyMs: 2_000 });
  });

  test("CH4 P5 a home that is killed while the entry of a retirement waits hosts the robot as before, and none whose marker is durable", () => {
    const rig = new CoreRig("na");
    rig.start();
    for (const robot of ["a", "b"]) {
      rig.input({ type: "command", id: 0, command: { ...REGISTER, robot } });
      rig.settle();
    }
    const before = new Map(rig.rows);
    rig.input({ type: "command", id: 1, command: { type: "retire", robot: "a" } });
    // Its entry waits for that of `a`.
    rig.input({ type: "command", id: 2, command: { type: "retire", robot: "b" } });
    const rows = new Map(rig.rows);
    for (const { ops } of rig.writing)
      for (const op of ops)
        if (op.type === "put") rows.set(op.key, op.value);
        else rows.delete(op.key);
    rows.set("robot/a", before.get("robot/a") as Uint8Array);
    const next = new CoreRig("na", { rows, wallMs: rig.wallMs });
    next.start();
    expect(next.core.robot("a", next.now)).toBeUndefined();
    expect(next.core.robot("b", next.now)).toMatchObject({ status: "new", node: "na" });
    const beat = { type: "beat", robot: "a", kind: "beat", create: "heartbeat" } as const;
    next.input({ type: "command", id: 3, command: beat });
    next.settle();
    expect(next.core.robot("a", next.now)).toMatchObject({ status: "up", beats: 1 });
    expect(rig.settle().some(({ type }) => type === "reply")).toBe(true);
    expect([...rig.rows.keys()].filter((key) => key.startsWith("robot/"))).toEqual([]);
  });
});
