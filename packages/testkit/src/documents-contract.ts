/**
 * What every implementation of the documents port must do, as tests: the Yjs one and the plain one that simulations use, so that
 * core may rely on the port alone. Bytes are never looked into here; what a hostile author could put into them is tested
 * where the encoding is.
 */
import type { DocumentsPort, GateCode, GenerationRef, Json, RobotId } from "@pulsemesh/core";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { CLIENT, GENERATION, PART_BYTES, refuse, set, snapshots } from "./snapshots-contract.ts";

const BOB = "12D3KooWBobBobBobBobBobBobBobBobBobBobBobBobBobBobBo2";
/** Registers the contract suite for one implementation. */
export function documentsContract(name: string, create: () => DocumentsPort): void {
  describe(`documents contract: ${name}`, () => {
    writing(create);
    refusing(create);
    snapshots(create);
    merging(create);
  });
}

function writing(create: () => DocumentsPort): void {
  let author: DocumentsPort;
  let replica: DocumentsPort;
  beforeEach(() => {
    [author, replica] = [create(), create()];
    for (const documents of [author, replica]) documents.open(GENERATION, CLIENT);
  });

  test("CH2 a generation is empty when opened, when opened again, when dropped and when unknown", () => {
    expect([...author.read(GENERATION)]).toEqual([]);
    set(author, "arm", 1);
    author.open(GENERATION, CLIENT + 1);
    expect([...author.read(GENERATION)]).toEqual([]);
    set(author, "arm", 1);
    author.drop(GENERATION);
    author.drop(GENERATION);
    expect([...author.read(GENERATION)]).toEqual([]);
    expect([...author.read({ ...GENERATION, epoch: 99 })]).toEqual([]);
  });

  test("CH2 DU1 deltas applied together are as good as one by one, and what is refused in between changes nothing", () => {
    const deltas = [1, 2, 3, 4].map((value) =>
      author.write(
        GENERATION,
        [
          { robot: "arm", value },
          { robot: `robot-${value}`, value: value % 2 === 0 ? undefined : { value } },
        ].filter(({ value: each }) => each !== undefined),
      ),
    );
    const [first, second, ...rest] = deltas as [Uint8Array, Uint8Array, ...Uint8Array[]];
    replica.applyAll(GENERATION, [first, first, second, new Uint8Array([9, 9]), ...rest]);
    expect([...replica.read(GENERATION)]).toEqual([...author.read(GENERATION)]);
    const next = author.write(GENERATION, [{ robot: "arm", value: "next" }]);
    expect(replica.apply(GENERATION, next).ok).toBe(true);
    replica.applyAll({ ...GENERATION, epoch: 99 }, deltas);
    expect([...replica.read({ ...GENERATION, epoch: 99 })]).toEqual([]);
  });

  test("CH2 what is written is read, and an applied delta says what it set", () => {
    const delta = author.write(GENERATION, [
      { robot: "belt", value: { status: "idle" } },
      { robot: "arm", value: [1, "two", null] },
    ]);
    expect(replica.apply(GENERATION, delta)).toEqual({
      ok: true,
      changes: [
        { robot: "belt", value: { status: "idle" } },
        { robot: "arm", value: [1, "two", null] },
      ],
    });
    for (const documents of [author, replica]) {
      expect([...documents.read(GENERATION)]).toEqual([
        ["arm", [1, "two", null]],
        ["belt", { status: "idle" }],
      ]);
    }
  });

  test("CH2 a deleted robot is gone, and may come back", () => {
    replica.apply(GENERATION, set(author, "arm", 1));
    const gone = replica.apply(
      GENERATION,
      author.write(GENERATION, [{ robot: "arm", value: undefined }]),
    );
    expect(gone).toEqual({ ok: true, changes: [{ robot: "arm", value: undefined }] });
    expect(replica.read(GENERATION).has("arm")).toBe(false);
    replica.apply(GENERATION, set(author, "arm", 2));
    expect([...replica.read(GENERATION)]).toEqual([["arm", 2]]);
    expect([...author.read(GENERATION)]).toEqual([["arm", 2]]);
  });

  test("CH2 deleting what is not there is a delta that changes nothing", () => {
    const delta = author.write(GENERATION, [{ robot: "ghost", value: undefined }]);
    expect(replica.apply(GENERATION, delta)).toEqual({ ok: true, changes: [] });
  });

  test("CH2 of several changes of one robot in one write the last counts", () => {
    const delta = author.write(GENERATION, [
      { robot: "arm", value: 1 },
      { robot: "belt", value: 1 },
      { robot: "arm", value: 2 },
      { robot: "belt", value: undefined },
    ]);
    expect(replica.apply(GENERATION, delta).ok).toBe(true);
    expect([...replica.read(GENERATION)]).toEqual([["arm", 2]]);
    expect([...author.read(GENERATION)]).toEqual([["arm", 2]]);
  });

  test("CH2 generations do not touch one another", () => {
    const other: GenerationRef = { ...GENERATION, epoch: 8 };
    author.open(other, CLIENT + 1);
    set(author, "arm", "old");
    author.write(other, [{ robot: "arm", value: "new" }]);
    author.open({ ...GENERATION, author: BOB }, CLIENT + 2);
    author.open({ ...GENERATION, document: "desired" }, CLIENT + 3);
    expect(author.read(GENERATION).get("arm")).toBe("old");
    expect(author.read(other).get("arm")).toBe("new");
    expect(author.read({ ...GENERATION, author: BOB }).size).toBe(0);
    expect(author.read({ ...GENERATION, document: "desired" }).size).toBe(0);
  });

  test("CH2 a reading does not change under its reader, nor a document through the object that was written", () => {
    const value = { list: [1] };
    set(author, "arm", value);
    const before = author.read(GENERATION);
    value.list.push(2);
    expect(author.read(GENERATION).get("arm")).toEqual({ list: [1] });
    set(author, "belt", 1);
    expect([...before.keys()]).toEqual(["arm"]);
  });

  test("CH2 the client id of a generation is an integer from 2^32 to 2^53-1", () => {
    for (const clientId of [0, 2 ** 32 - 1, 2 ** 32 + 0.5, 2 ** 53, Number.NaN]) {
      expect(() => author.open(GENERATION, clientId)).toThrow(RangeError);
      expect(() => author.adopt(GENERATION, clientId, [])).toThrow(RangeError);
      expect(() => author.snapshot(GENERATION, clientId, [], PART_BYTES)).toThrow(RangeError);
    }
  });

  test.each(VALUES)("CH2 %s arrives as it was written", (_, value) => {
    expect(author.check(GENERATION, [{ robot: "arm", value }])).toBeUndefined();
    const applied = replica.apply(GENERATION, set(author, "arm", value));
    expect(applied).toEqual({ ok: true, changes: [{ robot: "arm", value }] });
    expect(author.read(GENERATION).get("arm")).toEqual(value);
  });
}

/** Values that trip encodings. */
const VALUES: readonly (readonly [string, Json])[] = [
  ["null", null],
  ["a boolean", false],
  ["an empty text", ""],
  ["a text beyond ASCII", "é 漢 \u{1F916} \u0000"],
  ["a large integer", 2 ** 53 - 1],
  ["a negative integer", -(2 ** 31)],
  ["a fraction", 0.1],
  ["a huge number", 1e300],
  ["an empty object", {}],
  [
    "an object with names of Object.prototype",
    { constructor: 1, toString: "x", hasOwnProperty: null },
  ],
  [
    "an object without prototype",
    Object.assign(Object.create(null) as Record<string, Json>, { a: 1 }),
  ],
  ["an object with number-like keys", { 10: "b", 9: "a", "-1": "c" }],
  ["32 levels of lists in a field of a record", { f: { "/a": [1, nested(32)] } }],
  ["a text of 16,384 bytes", "x".repeat(16_384)],
];

function refusing(create: () => DocumentsPort): void {
  let author: DocumentsPort;
  let replica: DocumentsPort;
  beforeEach(() => {
    [author, replica] = [create(), create()];
    for (const documents of [author, replica]) documents.open(GENERATION, CLIENT);
    replica.apply(GENERATION, set(author, "arm", { status: "idle" }));
  });

  const UNWRITABLE: readonly (readonly [string, unknown, GateCode])[] = [
    ["undefined inside", { a: undefined }, "bad-content"],
    ["a function", () => 1, "bad-content"],
    ["a bigint", 1n, "bad-content"],
    ["bytes", new Uint8Array(2), "bad-content"],
    ["a date", new Date(0), "bad-content"],
    ["NaN", Number.NaN, "bad-content"],
    ["infinity", [Number.POSITIVE_INFINITY], "bad-content"],
    ["half a surrogate pair", "\uD800", "bad-content"],
    ["half a surrogate pair as a key", { "\uDC00": 1 }, "bad-content"],
    ["the key __proto__", JSON.parse('{"a":{"__proto__":1}}'), "bad-content"],
    ["37 levels", nested(37), "too-deep"],
    ["30 KiB", "x".repeat(30 * 1024), "too-large"],
  ];
  test.each(UNWRITABLE)(
    "CH3 a write of %s is refused by check, throws, and changes nothing",
    (_, value, code) => {
      const changes = [
        { robot: "belt", value: 1 },
        { robot: "arm", value: value as Json },
      ];
      expect(author.check(GENERATION, changes)).toBe(code);
      expect(() => author.write(GENERATION, changes)).toThrow(RangeError);
      expect([...author.read(GENERATION)]).toEqual([["arm", { status: "idle" }]]);
    },
  );

  test.each(["", "-arm", "a b", "a/b", "x".repeat(129), "é"])(
    "CH3 a write under the robot id '%s' is refused",
    (robot) => {
      expect(author.check(GENERATION, [{ robot, value: 1 }])).toBe("bad-key");
      expect(() => author.write(GENERATION, [{ robot, value: 1 }])).toThrow(RangeError);
    },
  );

  test("CH3 a write of more than eight robots, or of more than 24 KiB, is refused", () => {
    const changes = (count: number, value: Json): { robot: RobotId; value: Json }[] =>
      Array.from({ length: count }, (_, index) => ({ robot: `r${index}`, value }));
    expect(author.check(GENERATION, changes(8, 1))).toBeUndefined();
    expect(author.check(GENERATION, changes(9, 1))).toBe("too-many-structs");
    expect(author.check(GENERATION, changes(2, "x".repeat(14 * 1024)))).toBe("too-large");
  });

  test("CH3 a delta for a generation that was never opened is foreign", () => {
    expect(create().apply(GENERATION, set(author, "arm", 1))).toEqual({
      ok: false,
      code: "foreign-client",
    });
  });

  test("CH3 a delta under another client id than the derived one is foreign", () => {
    const claimed = create();
    claimed.open(GENERATION, CLIENT - 1);
    refuse(replica, set(claimed, "arm", "forged"), "foreign-client");
  });

  test("CH3 a delta that was skipped leaves a gap, one applied twice as well", () => {
    const [first, second] = [set(author, "arm", 1), set(author, "belt", 2)];
    refuse(replica, second, "clock-gap");
    expect(replica.apply(GENERATION, first).ok).toBe(true);
    refuse(replica, first, "clock-gap");
    expect(replica.apply(GENERATION, second).ok).toBe(true);
    expect([...replica.read(GENERATION)]).toEqual([...author.read(GENERATION)]);
  });

  test("CH3 no truncation of a delta is taken, and none changes anything", () => {
    const delta = author.write(GENERATION, [
      { robot: "arm", value: { status: "busy" } },
      { robot: "belt", value: ["x", 1.5] },
    ]);
    for (let length = 0; length < delta.length; length++) refuse(replica, delta.slice(0, length));
    refuse(replica, Uint8Array.of(...delta, 0));
    expect(replica.apply(GENERATION, delta).ok).toBe(true);
  });

  test("CH3 more than 24 KiB are too large, whatever they say", () => {
    refuse(replica, new Uint8Array(24 * 1024 + 1), "too-large");
  });
}

function merging(create: () => DocumentsPort): void {
  const robot = fc.constantFrom("arm", "belt", "cart", "drone");
  const value = fc.option(fc.jsonValue({ maxDepth: 3 }), { nil: undefined, freq: 4 });
  const change = fc.record({ robot, value: value as fc.Arbitrary<Json | undefined> });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.array(change, { minLength: 1, maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constant("snapshot" as const) },
  );

  test("P1 whatever is written, deleted and compacted, a replica reads what the author and a plain map read", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [author, replica, model] = [create(), create(), new Map<string, Json>()];
        for (const documents of [author, replica]) documents.open(GENERATION, CLIENT);
        let clientId = CLIENT;
        for (const next of steps) {
          if (next === "snapshot") {
            clientId--;
            const values = [...author.read(GENERATION)].map(([id, held]) => ({
              robot: id,
              value: held,
            }));
            const parts = author.snapshot(GENERATION, clientId, values, PART_BYTES);
            for (const documents of [author, replica])
              expect(documents.adopt(GENERATION, clientId, parts).ok).toBe(true);
            continue;
          }
          // Such a value is refused by check: what is refused is another test.
          if (author.check(GENERATION, next) !== undefined) continue;
          expect(replica.apply(GENERATION, author.write(GENERATION, next)).ok).toBe(true);
          for (const { robot: id, value: written } of next) {
            if (written === undefined) model.delete(id);
            else model.set(id, written);
          }
        }
        const expected = [...model].toSorted(([a], [b]) => (a < b ? -1 : 1));
        expect([...author.read(GENERATION)]).toEqual(expected);
        expect([...replica.read(GENERATION)]).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
}

function nested(levels: number): Json {
  let value: Json = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
