import { CoreRig, createTestPorts, RIG_FLEET, RIG_WALL_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { BeatCommand, Command, CommandResult } from "../command.ts";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Now } from "../now.ts";
import { Outbox } from "../outbox.ts";
import { hlcAfter, hlcHorizon } from "./hlc.ts";
import { CLOCK_ROW, OwnClock } from "./own-clock.ts";
import { Records } from "./records.ts";

const BEAT: BeatCommand = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" };
const DAY_MS = 86_400_000;

function answer(rig: CoreRig, command: Command): CommandResult | undefined {
  const effects = [...rig.input({ type: "command", id: 1, command }), ...rig.settle()];
  return effects.flatMap((effect) => (effect.type === "reply" ? [effect.result] : []))[0];
}

function patch(rig: CoreRig, change: JsonObject): CommandResult | undefined {
  return answer(rig, { type: "patch-state", robot: "bot", patch: change });
}

function stateOf(rig: CoreRig): JsonObject | undefined {
  return rig.core.robot("bot", rig.now)?.state;
}

/** A node that wrote `a: 1` when its clock was right, and all that is on its disk. */
function diskOfANode(): Map<string, Uint8Array> {
  const rows = new Map<string, Uint8Array>();
  const rig = new CoreRig("a", { rows });
  rig.start();
  answer(rig, BEAT);
  expect(patch(rig, { a: 1 })).toMatchObject({ ok: true });
  return rows;
}

describe("a device whose clock is wrong when it starts", () => {
  test.each([
    ["1970, with an empty battery", 1_000_000],
    ["three days ago, as a file on its disk says", RIG_WALL_MS - 3 * DAY_MS],
    ["2022, as its board says", 1_640_995_200_000],
  ])(
    "OFF1 CH4 P5 in %s, it shows what it has, takes writes, and they stand when the clock is right",
    (_when, wallMs) => {
      const rows = diskOfANode();
      const wrong = new CoreRig("a", { rows, wallMs });
      wrong.start();
      expect(stateOf(wrong)).toEqual({ a: 1 });
      expect(patch(wrong, { a: 2, b: 1 })).toMatchObject({ ok: true, state: { a: 2, b: 1 } });
      // Two writes of one boot are in order, too.
      expect(patch(wrong, { b: 2 })).toMatchObject({ ok: true, state: { a: 2, b: 2 } });
      const right = new CoreRig("a", { rows, wallMs: RIG_WALL_MS + 60_000 });
      right.start();
      expect(stateOf(right)).toEqual({ a: 2, b: 2 });
      expect(patch(right, { a: 3 })).toMatchObject({ ok: true, state: { a: 3, b: 2 } });
      expect(stateOf(right)).toEqual({ a: 3, b: 2 });
    },
  );

  test("OFF1 CH4 P5 three days ahead, what it wrote is in its view when the clock is right again, and later writes stand for good", () => {
    const rows = diskOfANode();
    const ahead = new CoreRig("a", { rows, wallMs: RIG_WALL_MS + 3 * DAY_MS });
    ahead.start();
    expect(patch(ahead, { a: 2 })).toMatchObject({ ok: true, state: { a: 2 } });
    const right = new CoreRig("a", { rows, wallMs: RIG_WALL_MS + 60_000 });
    right.start();
    expect(stateOf(right)).toEqual({ a: 2 });
    // To the hour, and nothing is said where the clock has never gone back.
    const { writesAheadMs = 0 } = right.core.fleet(right.now).self;
    expect(Math.round(writesAheadMs / DAY_MS)).toBe(3);
    expect(ahead.core.fleet(ahead.now).self.writesAheadMs).toBeUndefined();
    expect(patch(right, { a: 3 })).toMatchObject({ ok: true, state: { a: 3 } });
    const later = new CoreRig("a", { rows, wallMs: RIG_WALL_MS + 5 * DAY_MS });
    later.start();
    expect(stateOf(later)).toEqual({ a: 3 });
  });
});

/** The stamp to which a liar leads a node in nine lives; `ownHlc` and `firstRow` are what is on its disk at first. */
function ledTo(ownHlc: number, firstRow?: Uint8Array): number {
  const identity = { fleet: RIG_FLEET, self: "a", name: "a", region: "r", agent: "t" };
  const out = new Outbox();
  const env: Env = { identity, config: coreConfig(), ports: createTestPorts("a"), out };
  const now = { monoMs: 0, wallMs: RIG_WALL_MS };
  let row = firstRow;
  let stamp = ownHlc;
  for (let life = 1; life < 10; life++) {
    const clock = new OwnClock(env);
    if (row !== undefined) clock.restore({ key: CLOCK_ROW, value: row });
    clock.restored(stamp);
    const records = new Records(env, true, clock);
    const own = { document: "reported", author: "a", epoch: life } as const;
    const liar = { document: "reported", author: "liar", epoch: life } as const;
    env.ports.documents.open(own, 2 ** 32 + life);
    records.seeOwnHlc(stamp);
    records.begin(now);
    records.beginOwn(own);
    for (let round = 0; round < 10; round++) {
      // As high as the reader shows at this moment, by whatever clock it goes.
      const ahead = hlcHorizon(clock.wallMs(now));
      const value = { f: { "/state/x": [ahead, round] }, t: {} };
      records.table.apply(liar, [{ robot: "bot", value }]);
      expect(records.write("bot", new Map([["/state/y", `${life}/${round}`]]), now).ok).toBe(true);
      stamp = records.takeStaged().hlc;
    }
    for (const effect of out.drain())
      for (const op of effect.type === "persist" ? effect.ops : [])
        if (op.type === "put" && op.key === CLOCK_ROW) row = op.value;
  }
  return stamp;
}

test("OFF1 CH4 P5 what was written above a stamp a day ahead is shown in 1970, too, and what is written there stands above it", () => {
  const identity = { fleet: RIG_FLEET, self: "a", name: "a", region: "r", agent: "t" };
  const out = new Outbox();
  const env: Env = { identity, config: coreConfig(), ports: createTestPorts("a"), out };
  const own = { document: "reported", author: "a", epoch: 1 } as const;
  env.ports.documents.open(own, 2 ** 32);
  const life = (): { readonly clock: OwnClock; readonly records: Records } => {
    const clock = new OwnClock(env);
    return { clock, records: new Records(env, true, clock) };
  };
  const write = (records: Records, value: string, now: Now): unknown => {
    expect(records.write("bot", new Map([["/state/x", value]]), now).ok).toBe(true);
    const [change] = records.takeStaged().changes;
    expect(records.state("bot")).toEqual({ x: value });
    return change?.value;
  };
  const first = life();
  const at = (wallMs: number): Now => ({ monoMs: 0, wallMs });
  first.records.begin(at(RIG_WALL_MS));
  first.records.beginOwn(own);
  write(first.records, "1", at(RIG_WALL_MS));
  // The row says when that was; of what is written within the hour nothing is said.
  const row = out
    .drain()
    .flatMap((effect) => (effect.type === "persist" ? effect.ops : []))
    .find((op) => op.key === CLOCK_ROW);
  const laterMs = RIG_WALL_MS + 3_000_000;
  const ahead = hlcHorizon(laterMs) - 100;
  const liar = { document: "reported", author: "liar", epoch: 1 } as const;
  const lie = { robot: "bot", value: { f: { "/state/x": [ahead, "lie"] }, t: {} } };
  first.records.table.apply(liar, [lie]);
  const written = write(first.records, "2", at(laterMs));
  const second = life();
  if (row?.type === "put") second.clock.restore({ key: CLOCK_ROW, value: row.value });
  second.records.table.apply(liar, [lie]);
  second.records.table.apply(own, [{ robot: "bot", value: written as Json }]);
  second.records.begin(at(1_000_000));
  second.records.beginOwn(own);
  expect(second.records.state("bot")).toEqual({ x: "2" });
  write(second.records, "3", at(1_000_000));
  second.records.begin(at(laterMs + DAY_MS));
  expect(second.records.state("bot")).toEqual({ x: "3" });
});

test("OFF1 CH4 P6 an author that stamps as far ahead as is shown, again and again, leads nobody's clock on, not over restarts either", () => {
  const horizon = hlcHorizon(RIG_WALL_MS);
  // Whoever wrote half an hour ago writes no new row for as long; without one, its entries have to do.
  const wroteHlc = hlcAfter(RIG_WALL_MS - 1_800_000, 0);
  for (const stamp of [ledTo(0), ledTo(wroteHlc), ledTo(wroteHlc, new Uint8Array([0xff]))]) {
    expect(stamp).toBeGreaterThan(horizon - 1);
    expect(stamp).toBeLessThan(horizon + 1_000);
  }
});
