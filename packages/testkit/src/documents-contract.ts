/**
 * What every implementation of the documents port must do, as tests: the Yjs one and the plain one that simulations use, so that
 * core may rely on the port alone. Bytes are never looked into here; what a hostile author could put into them is tested
 * where the encoding is.
 */
import type { DocumentsPort, GateCode, GenerationRef, Json, RobotId } from "@pulsemesh/core";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";

const ALICE = "12D3KooWAliceAliceAliceAliceAliceAliceAliceAliceAlic1";
const BOB = "12D3KooWBobBobBobBobBobBobBobBobBobBobBobBobBobBobBo2";
const GENERATION: GenerationRef = { document: "reported", author: ALICE, epoch: 7 };
const CLIENT = 2 ** 32 + 4_503_599_627_370_495;
const PART_BYTES = 256 * 1024;

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

function snapshots(create: () => DocumentsPort): void {
  let author: DocumentsPort;
  let replica: DocumentsPort;
  beforeEach(() => {
    [author, replica] = [create(), create()];
    for (const documents of [author, replica]) documents.open(GENERATION, CLIENT);
  });

  test("CH2 a snapshot replaces the generation, says what came and what went, and takes deltas under its own client id", () => {
    for (const robot of ["arm", "belt", "cart"]) replica.apply(GENERATION, set(author, robot, 1));
    const parts = author.snapshot(
      GENERATION,
      CLIENT + 1,
      [
        { robot: "arm", value: 1 },
        { robot: "drone", value: 2 },
      ],
      PART_BYTES,
    );
    expect([...author.read(GENERATION).keys()]).toEqual(["arm", "belt", "cart"]);
    for (const documents of [author, replica]) {
      expect(documents.adopt(GENERATION, CLIENT + 1, parts)).toEqual({
        ok: true,
        changes: [
          { robot: "arm", value: 1 },
          { robot: "drone", value: 2 },
          { robot: "belt", value: undefined },
          { robot: "cart", value: undefined },
        ],
      });
    }
    expect(replica.apply(GENERATION, set(author, "belt", 3)).ok).toBe(true);
    expect([...replica.read(GENERATION)]).toEqual([
      ["arm", 1],
      ["belt", 3],
      ["drone", 2],
    ]);
  });

  test("CH2 a delta of the generation before is foreign to the one after", () => {
    const late = set(author, "arm", 1);
    const parts = author.snapshot(GENERATION, CLIENT + 1, [{ robot: "arm", value: 2 }], PART_BYTES);
    replica.adopt(GENERATION, CLIENT + 1, parts);
    refuse(replica, late, "foreign-client");
  });

  test("CH2 a snapshot of nothing empties the generation", () => {
    replica.apply(GENERATION, set(author, "arm", 1));
    const parts = author.snapshot(GENERATION, CLIENT + 1, [], PART_BYTES);
    expect(replica.adopt(GENERATION, CLIENT + 1, parts)).toEqual({
      ok: true,
      changes: [{ robot: "arm", value: undefined }],
    });
  });

  test("CH2 a generation that was never opened can be adopted", () => {
    const parts = author.snapshot(GENERATION, CLIENT, [{ robot: "arm", value: 1 }], PART_BYTES);
    const joiner = create();
    expect(joiner.adopt(GENERATION, CLIENT, parts).ok).toBe(true);
    expect([...joiner.read(GENERATION)]).toEqual([["arm", 1]]);
  });

  test("CH2 equal values give equal snapshots, whatever their order", () => {
    const values = Array.from({ length: 50 }, (_, index) => ({ robot: `r${index}`, value: index }));
    const parts = author.snapshot(GENERATION, CLIENT + 1, values, PART_BYTES);
    expect(author.snapshot(GENERATION, CLIENT + 1, values.toReversed(), PART_BYTES)).toEqual(parts);
  });

  test("CH2 no part is larger than asked for, and together they hold everything", () => {
    const values = Array.from({ length: 300 }, (_, index) => ({
      robot: `r${1000 + index}`,
      value: "x".repeat((index * 37) % 9_000),
    }));
    const partBytesMax = 24 * 1024;
    const parts = author.snapshot(GENERATION, CLIENT + 1, values, partBytesMax);
    expect(parts.length).toBeGreaterThan(10);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(partBytesMax);
    expect(replica.adopt(GENERATION, CLIENT + 1, parts).ok).toBe(true);
    expect([...replica.read(GENERATION)]).toEqual(values.map(({ robot, value }) => [robot, value]));
  });

  test("CH3 parts out of order, missing, twice, damaged or of another client id change nothing", () => {
    replica.apply(GENERATION, set(author, "arm", 1));
    const values = Array.from({ length: 9 }, (_, index) => ({
      robot: `r${index}`,
      value: "x".repeat(10_000),
    }));
    const parts = author.snapshot(GENERATION, CLIENT + 1, values, 24 * 1024);
    const [first, second] = parts as [Uint8Array, Uint8Array];
    const wrong = [
      [second, first],
      [second],
      [first, first],
      [first, second.slice(0, -1)],
      [first, new Uint8Array(0)],
    ];
    for (const attempt of wrong)
      expect(replica.adopt(GENERATION, CLIENT + 1, attempt).ok).toBe(false);
    expect(replica.adopt(GENERATION, CLIENT + 2, parts)).toEqual({
      ok: false,
      code: "foreign-client",
    });
    expect([...replica.read(GENERATION)]).toEqual([["arm", 1]]);
    expect(replica.apply(GENERATION, set(author, "arm", 2)).ok).toBe(true);
    expect(replica.adopt(GENERATION, CLIENT + 1, parts).ok).toBe(true);
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

function set(documents: DocumentsPort, robot: RobotId, value: Json): Uint8Array {
  return documents.write(GENERATION, [{ robot, value }]);
}

/** Asserts that the bytes are refused (with this code) and that nothing has changed. */
function refuse(documents: DocumentsPort, bytes: Uint8Array, code?: GateCode): void {
  const before = [...documents.read(GENERATION)];
  const result = documents.apply(GENERATION, bytes);
  expect(result.ok).toBe(false);
  if (code !== undefined) expect(result).toEqual({ ok: false, code });
  expect([...documents.read(GENERATION)]).toEqual(before);
}

function nested(levels: number): Json {
  let value: Json = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
