import { CoreRig, RIG_WALL_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { BeatCommand } from "../command.ts";
import type { Effect } from "../effect.ts";

const BEAT: BeatCommand = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" };

function ofType<T extends Effect["type"]>(
  effects: readonly Effect[],
  type: T,
): readonly Extract<Effect, { readonly type: T }>[] {
  return effects.filter(
    (effect): effect is Extract<Effect, { readonly type: T }> => effect.type === type,
  );
}

/** A node that has just been shown a header of a later epoch of its own; its new boot is not durable yet. */
function inTheGap(): CoreRig {
  const rig = new CoreRig("na");
  rig.start();
  const clone = new CoreRig("na", { rows: new Map(rig.rows), wallMs: RIG_WALL_MS + 100_000 });
  const header = ofType(clone.start(), "publish").find(({ topic }) => topic === "state");
  const bytes = header?.bytes ?? new Uint8Array();
  rig.input({ type: "gossip", topic: "state", from: "nx", bytes });
  expect(rig.writing).toHaveLength(1);
  return rig;
}

const documentOf = (rig: CoreRig): string => new TextDecoder().decode(rig.core.exportDocument());

describe("between two epochs of the own chain", () => {
  test("P5 CH1 a first beat is answered when its registration is in the new epoch, and nothing goes into the old one", () => {
    const rig = inTheGap();
    const given = rig.input({ type: "command", id: 6, command: BEAT });
    expect(ofType(given, "reply")).toEqual([]);
    expect(ofType(given, "publish").filter(({ topic }) => topic === "state")).toEqual([]);
    const later = rig.settle();
    expect(ofType(later, "reply")).toMatchObject([{ id: 6, result: { ok: true, created: true } }]);
    expect(documentOf(rig)).toContain("schedule");
    const entries = [...rig.rows.keys()].filter((key) => key.startsWith("chain/reported/na/"));
    // The old one went into a snapshot of the new one, whole as it was.
    expect(new Set(entries.map((key) => key.split("/")[3])).size).toBe(1);
    const again = new CoreRig("na", { rows: rig.rows });
    again.start();
    expect(again.core.exportDocument()).toEqual(rig.core.exportDocument());
  });

  test("P5 a patch in the gap is answered when it is durable, and is in the document of the next life", () => {
    const rig = inTheGap();
    rig.input({ type: "command", id: 6, command: BEAT });
    const patch = { type: "patch-state", robot: "bot", patch: { task: "scan" } } as const;
    const given = rig.input({
      type: "command",
      id: 7,
      command: { ...patch, ifMatch: undefined },
    });
    expect(ofType(given, "reply")).toEqual([]);
    expect(ofType(rig.settle(), "reply").map(({ id }) => id)).toEqual([6, 7]);
    const again = new CoreRig("na", { rows: rig.rows });
    again.start();
    expect(again.core.robot("bot", again.now)?.state).toEqual({ task: "scan" });
  });

  test("P5 DU1 a crash in the gap leaves a robot's row without its registration, and the next start writes it", () => {
    const rig = inTheGap();
    const given = rig.input({ type: "command", id: 6, command: BEAT });
    for (const { ops } of rig.writing)
      for (const op of ops) if (op.type === "put") rig.rows.set(op.key, op.value);
    expect(ofType(given, "reply")).toEqual([]);
    expect(rig.rows.has("robot/bot")).toBe(true);
    const again = new CoreRig("na", { rows: rig.rows, wallMs: RIG_WALL_MS + 200_000 });
    const effects = [...again.start(), ...again.advance(100)];
    expect(documentOf(again)).toContain("schedule");
    const published = ofType(effects, "publish").filter(({ topic }) => topic === "state");
    expect(published).toHaveLength(2);
    const third = new CoreRig("na", { rows: again.rows, wallMs: RIG_WALL_MS + 300_000 });
    third.start();
    third.advance(100);
    expect(third.core.exportDocument()).toEqual(again.core.exportDocument());
  });
});
