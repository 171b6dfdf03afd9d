import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../json.ts";
import {
  RECORD_FIELDS_MAX,
  recordFromJson,
  recordToJson,
  type MergedRecord,
  type RobotRecord,
  type Source,
} from "./record.ts";
import { RECORDS_COUNTED_MAX } from "./counted-sources.ts";
import { viewOf as shownOf, VIEW_WEIGHT_MAX } from "./record-view.ts";
import { mergeSources } from "./robot-slot.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const pointer = fc.constantFrom(
  "/schedule",
  "/state/a",
  "/state/a/b",
  "/state/a/b/c",
  "/state/d",
  "/state/__proto__",
  "/state/__proto__/x",
  "/health",
);
const stamp = fc.integer({ min: 1, max: 6 });
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.constant([]),
  fc.constant({}),
  fc.boolean(),
);

/** Records with few paths and few stamps, so that they collide. Of one author and epoch there is one record. */
const source: fc.Arbitrary<Source> = fc
  .record({
    author: fc.constantFrom("a", "b", "c"),
    epoch: fc.integer({ min: 1, max: 3 }),
    f: fc.dictionary(pointer, fc.tuple(stamp, leaf)),
    t: fc.dictionary(pointer, stamp),
    r: fc.option(stamp, { nil: undefined, freq: 8 }),
  })
  .map(({ author, epoch, f, t, r }) => {
    // The value follows from who wrote it when, as in a chain: one author has one value per path and stamp.
    const fields = Object.fromEntries(
      Object.entries(f).map(([key, [hlc, value]]) => [key, [hlc, tag(value, author, epoch, hlc)]]),
    );
    const record = recordFromJson(r === undefined ? { f: fields, t } : { f: fields, t, r });
    if (record === undefined) throw new Error("the generator makes records");
    return { author, epoch, record };
  });

function tag(value: Json, author: string, epoch: number, hlc: number): Json {
  return typeof value === "object" ? value : `${author}${epoch}${hlc}`;
}

/** Same facts, whatever the order of the maps. */
function facts(record: MergedRecord): unknown {
  const sorted = (map: ReadonlyMap<string, unknown>): unknown =>
    [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { f: sorted(record.fields), t: sorted(record.tombstones), r: record.retired };
}

/** Two records of the same author and epoch never differ: later ones replace earlier ones in the chain. */
const distinct = fc
  .array(source, { minLength: 1, maxLength: 5 })
  .map((list) => [...new Map(list.map((one) => [`${one.author}/${one.epoch}`, one])).values()]);

function mergeAll(list: readonly Source[]): MergedRecord {
  return mergeSources(list, FOREVER);
}

function viewOf(...list: readonly Source[]): Json {
  return shownOf(mergeAll(list)).root;
}

describe("merging records", () => {
  test("CH4 what records say together depends on neither order nor repetition", () => {
    fc.assert(
      fc.property(distinct, (list) => {
        const all = facts(mergeAll(list));
        expect(facts(mergeAll(list.toReversed()))).toEqual(all);
        const half = Math.ceil(list.length / 2);
        expect(facts(mergeAll([...list.slice(half), ...list.slice(0, half)]))).toEqual(all);
        expect(facts(mergeAll([...list, ...list]))).toEqual(all);
      }),
      { numRuns: 2_000 },
    );
  });

  test("CH4 P1 any order of delivery, duplicates too, gives the same view byte for byte", () => {
    fc.assert(
      fc.property(distinct, fc.infiniteStream(fc.nat()), (list, picks) => {
        const shuffled: Source[] = [];
        const rest = [...list, ...list];
        while (rest.length > 0)
          shuffled.push(...rest.splice((picks.next().value as number) % rest.length, 1));
        expect(dagCbor.encode(viewOf(...shuffled))).toEqual(dagCbor.encode(viewOf(...list)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("CH4 across ancestor and leaf the higher stamp wins, either way", () => {
    const older = one("a", { f: { "/state/a": [1, 5] }, t: {} });
    const newer = one("b", { f: { "/state/a/b": [2, 6] }, t: {} });
    expect(viewOf(older, newer)).toEqual({ state: { a: { b: 6 } } });
    const above = one("c", { f: { "/state/a": [3, 7] }, t: {} });
    expect(viewOf(older, newer, above)).toEqual({ state: { a: 7 } });
  });

  test("CH4 a tombstone hides what is at and below it up to its stamp, and nothing newer", () => {
    const fields = one("a", {
      f: { "/state/a/b": [2, 1], "/state/a/c": [5, 1], "/state/ab": [2, 1] },
      t: {},
    });
    const tombstone = one("b", { f: {}, t: { "/state/a": 3 } });
    expect(viewOf(fields, tombstone)).toEqual({ state: { a: { c: 1 }, ab: 1 } });
  });

  test("CH4 a retired marker hides every stamp up to its own, also those that come after any absence", () => {
    const retired = one("a", { f: { "/schedule": [1, 1] }, t: {}, r: 9 });
    expect(viewOf(retired, one("b", { f: { "/state/x": [9, 1] }, t: {} }))).toEqual({});
    const anew = { "/schedule": [10, 2], "/state/x": [10, 1] };
    expect(viewOf(retired, one("b", { f: anew, t: {} }))).toEqual({ schedule: 2, state: { x: 1 } });
    expect(
      dagCbor.encode(
        recordToJson({ fields: new Map(), tombstones: new Map(), retiredHlc: 900_000_000_000_000 }),
      ).length,
    ).toBeLessThanOrEqual(100);
  });

  test("OFF3 CH4 what was written of a robot later than its retirement shows nothing until somebody registers it above the marker", () => {
    const retired = one("a", { f: { "/schedule": [1, 1] }, t: {}, r: 9 });
    const late = one("b", { f: { "/state/x": [10, 1], "/schedule": [9, 1] }, t: {} });
    expect(viewOf(retired, late)).toEqual({});
    const anew = one("c", { f: { "/schedule": [11, 2] }, t: {} });
    expect(viewOf(retired, late, anew)).toEqual({ schedule: 2, state: { x: 1 } });
    // A registration that was removed again is none.
    const removed = one("d", { f: {}, t: { "/schedule": 12 } });
    expect(viewOf(retired, late, anew, removed)).toEqual({});
  });

  test("P4 CH4 a retired marker of who does not claim the robot hides nothing, not even its own author's fields", () => {
    const home = one("a", { f: { "/schedule": [1, 1], "/state/x": [1, 1] }, t: {} });
    const stranger = one("b", { f: { "/state/y": [1, 1] }, t: {}, r: 9 });
    expect(viewOf(home, stranger)).toEqual({ schedule: 1, state: { x: 1, y: 1 } });
    expect(mergeAll([home, stranger])).toMatchObject({
      retired: undefined,
      unheeded: { author: "b", hlc: 9 },
    });
    const heir = one("b", { f: { "/schedule": [1, 1] }, t: {}, r: 9 });
    expect(viewOf(home, heir)).toEqual({});
  });

  test("CH4 P6 the RECORDS_COUNTED_MAX newest epochs of each author count, in whatever order they came", () => {
    const of = (author: string, epoch: number): Source => ({
      author,
      epoch,
      record: { ...EMPTY, fields: new Map([[`/state/${author}${epoch}`, { hlc: 1, value: 1 }]]) },
    });
    const epochs = Array.from({ length: RECORDS_COUNTED_MAX + 1 }, (_, i) => of("a", i + 1));
    const other = of("b", 1);
    const shown = viewOf(other, ...epochs);
    expect(shown).not.toHaveProperty("state.a1");
    expect(shown).toMatchObject({ state: { a2: 1, b1: 1 } });
    expect(viewOf(...epochs.toReversed(), other)).toEqual(shown);
  });

  test("CH4 P6 of more than VIEW_WEIGHT_MAX the newest fields are shown, in whatever order they came", () => {
    const text = "x".repeat(20_000);
    const list = Array.from({ length: 14 }, (_, i) =>
      one(`author${i}`, { f: { [`/state/k${i}`]: [i + 1, text] }, t: {} }),
    );
    expect(14 * 20_000).toBeGreaterThan(VIEW_WEIGHT_MAX);
    const all = shownOf(mergeAll(list));
    expect(all.isCut).toBe(true);
    expect(Object.keys(all.root["state"] as object)).toEqual(
      Array.from({ length: 13 }, (_, i) => `k${i + 1}`),
    );
    expect(viewOf(...list.toReversed())).toEqual(all.root);
    expect(shownOf(mergeAll(list.slice(1))).isCut).toBe(false);
  });

  test("CH4 CH7 __proto__ is a key like any other", () => {
    const view = viewOf(one("a", { f: { "/state/__proto__/polluted": [1, true] }, t: {} }));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(dagCbor.decode(dagCbor.encode(view))).toEqual({
      state: JSON.parse('{"__proto__":{"polluted":true}}'),
    });
  });

  test("CH3 values that are no records read as nothing: wrong shapes, more than RECORD_FIELDS_MAX fields, bad stamps and pointers", () => {
    const many = Object.fromEntries(
      Array.from({ length: RECORD_FIELDS_MAX + 1 }, (_, i) => [`/state/k${i}`, i + 1]),
    );
    const bad: Json[] = [
      null,
      1,
      "x",
      [],
      {},
      { f: {} },
      { f: {}, t: [] },
      { f: { a: [1, 1] }, t: {} },
      { f: { "/a": [0, 1] }, t: {} },
      { f: { "/a": [1.5, 1] }, t: {} },
      { f: { "/a": [1, { b: 1 }] }, t: {} },
      { f: { "/a": [1] }, t: {} },
      { f: {}, t: { "/a": -1 } },
      { f: {}, t: {}, r: "1" },
      { f: { "/~2": [1, 1] }, t: {} },
      { f: {}, t: many },
      { f: { [`/${"a/".repeat(40)}`]: [1, 1] }, t: {} },
      { f: { "/a": [Number.MAX_SAFE_INTEGER + 1, 1] }, t: {} },
    ];
    for (const value of bad) expect(recordFromJson(value)).toBeUndefined();
  });
});

const EMPTY: RobotRecord = { fields: new Map(), tombstones: new Map(), retiredHlc: 0 };

function one(author: string, json: Json): Source {
  const record = recordFromJson(json);
  if (record === undefined) throw new Error("no record");
  return { author, epoch: 1, record };
}
