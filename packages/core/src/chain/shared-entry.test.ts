import { CoreRig } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Effect } from "../effect.ts";
import { DELTA_ROBOTS_MAX } from "./limits.ts";

type Reply = Extract<Effect, { readonly type: "reply" }>;

/** A running node with robots `bot-0` … whose registrations are durable. */
function rigWith(robots: number): CoreRig {
  const rig = new CoreRig("na");
  rig.start();
  for (let i = 0; i < robots; i++) {
    rig.input({
      type: "command",
      id: 1_000 + i,
      command: { type: "beat", robot: `bot-${i}`, kind: "beat", create: "heartbeat" },
    });
    rig.settle();
  }
  return rig;
}

function patch(rig: CoreRig, robot: number, lap: number): readonly Effect[] {
  return rig.input({
    type: "command",
    id: robot,
    command: { type: "patch-state", robot: `bot-${robot}`, patch: { lap } },
  });
}

/** Chain rows put by these effects. */
function entries(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.type === "persist"
      ? effect.ops.flatMap(({ type, key }) =>
          type === "put" && key.startsWith("chain/") ? [key] : [],
        )
      : [],
  );
}

function replies(effects: readonly Effect[]): readonly Reply[] {
  return effects.filter((effect): effect is Reply => effect.type === "reply");
}

/** The commit that holds the last chain row of these effects. */
function entryCommit(effects: readonly Effect[]): number | undefined {
  for (const effect of effects.toReversed())
    if (effect.type === "persist" && entries([effect]).length > 0) return effect.commit;
  return undefined;
}

function shownLaps(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.type === "emit" && effect.event.type === "robot-state" ? [effect.event.robot] : [],
  );
}

describe("entries shared by robots that change at once", () => {
  test("DU1 a lone change waits for nobody: it is written at once and answered with its commit", () => {
    const rig = rigWith(1);
    const effects = patch(rig, 0, 1);
    expect(entries(effects)).toHaveLength(1);
    expect(replies(effects)).toMatchObject([
      { id: 0, result: { ok: true }, after: entryCommit(effects) },
    ]);
  });

  test("DU1 P5 changes that come while an entry is being written share the next one, are answered with its commit and shown no earlier", () => {
    const rig = rigWith(3);
    patch(rig, 0, 1);
    const waiting = [...patch(rig, 1, 1), ...patch(rig, 2, 1)];
    expect(entries(waiting)).toEqual([]);
    expect(replies(waiting)).toEqual([]);
    expect(shownLaps(waiting)).toEqual([]);
    const written = rig.settle();
    expect(entries(written)).toHaveLength(1);
    expect(replies(written)).toMatchObject([
      { id: 1, after: entryCommit(written) },
      { id: 2, after: entryCommit(written) },
    ]);
    expect(shownLaps(written)).toEqual(["bot-1", "bot-2"]);
  });

  test("CH3 P6 DELTA_ROBOTS_MAX waiting robots fill an entry, which then waits no longer", () => {
    const rig = rigWith(DELTA_ROBOTS_MAX + 1);
    patch(rig, 0, 1);
    for (let i = 1; i < DELTA_ROBOTS_MAX; i++) expect(entries(patch(rig, i, 1))).toEqual([]);
    const effects = patch(rig, DELTA_ROBOTS_MAX, 1);
    expect(entries(effects)).toHaveLength(1);
    expect(replies(effects)).toHaveLength(DELTA_ROBOTS_MAX);
  });

  test("P5 a patch that repeats one that is not durable yet is answered with it", () => {
    const rig = rigWith(2);
    const first = patch(rig, 0, 1);
    expect(replies(patch(rig, 0, 1))).toMatchObject([{ id: 0, after: entryCommit(first) }]);
    patch(rig, 1, 1);
    expect(replies(patch(rig, 1, 1))).toEqual([]);
    expect(replies(rig.settle())).toHaveLength(2);
  });

  test("DU2 a beat that flips health is answered with the entry that says so, a plain one with its row", () => {
    const rig = rigWith(3);
    patch(rig, 0, 1);
    const flip = rig.input({
      type: "command",
      id: 1,
      command: {
        type: "beat",
        robot: "bot-1",
        kind: "beat",
        create: "heartbeat",
        health: "failing",
      },
    });
    expect(replies(flip)).toEqual([]);
    const plain = rig.input({
      type: "command",
      id: 2,
      command: { type: "beat", robot: "bot-2", kind: "beat", create: "heartbeat" },
    });
    expect(replies(plain)).toHaveLength(1);
    const written = rig.settle();
    expect(replies(written)).toMatchObject([{ id: 1, after: entryCommit(written) }]);
  });
});
