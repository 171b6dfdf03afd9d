import { AUTHOR_IDS_MAX } from "@pulsemesh/core";
import type { DocumentsPort, GateCode, GenerationRef } from "@pulsemesh/core";
import { any, collected, content, firstItem, forgeUpdate, nextItem } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import * as Y from "yjs";
import type { Integrate } from "./generation.ts";
import {
  GENERATION_CLOCKS_MAX,
  GENERATION_ROBOTS_MAX,
  LIVE_BYTES_MAX,
  PART_BYTES_MAX,
  PART_BYTES_MIN,
  PART_STRUCTS_MAX,
  GENERATION_PARTS_MAX,
} from "./limits.ts";
import { createYjsDocuments } from "./yjs-documents.ts";

const GENERATION: GenerationRef = { document: "reported", author: "12D3KooWAuthorOne", epoch: 1 };
const ROOT = "uthorOne";
const CLIENT = 2 ** 32 + 5;
const VALUE = content.any(any.null);

function opened(integrate?: Integrate): DocumentsPort {
  const documents = createYjsDocuments({ integrate });
  documents.open(GENERATION, CLIENT);
  documents.write(GENERATION, [{ robot: "arm", value: "before" }]);
  return documents;
}

/** Asserts that the parts are refused with this code, that nothing changed, and that deltas still go on. */
function refusesParts(parts: readonly Uint8Array[], code: GateCode): void {
  const documents = opened();
  expect(documents.adopt(GENERATION, CLIENT, parts)).toEqual({ ok: false, code });
  expect([...documents.read(GENERATION)]).toEqual([["arm", "before"]]);
  documents.write(GENERATION, [{ robot: "arm", value: "after" }]);
}

function part(clock: number, ...robots: readonly string[]): Uint8Array {
  return forgeUpdate([
    { client: CLIENT, clock, structs: robots.map((robot) => firstItem(ROOT, robot, VALUE)) },
  ]);
}

test("CH2 a part of a snapshot holds first items with live values and nothing else", () => {
  const of = (...structs: readonly (readonly number[])[]): Uint8Array =>
    forgeUpdate([{ client: CLIENT, clock: 0, structs }]);
  const first = firstItem(ROOT, "arm", VALUE);
  refusesParts([of(collected(1))], "bad-content");
  refusesParts([of(firstItem(ROOT, "arm", content.deleted(1)))], "bad-content");
  refusesParts([of(first, nextItem({ origin: [CLIENT, 0] }, VALUE))], "foreign-origin");
  refusesParts([of(first, first)], "foreign-origin");
  refusesParts([part(0, "arm"), part(1, "arm")], "foreign-origin");
  refusesParts(
    [
      forgeUpdate(
        [{ client: CLIENT, clock: 0, structs: [first] }],
        [{ client: CLIENT, ranges: [[0, 1]] }],
      ),
    ],
    "foreign-delete",
  );
  refusesParts([forgeUpdate([])], "malformed");
  refusesParts([new Uint8Array(0)], "malformed");
  refusesParts([of(firstItem(ROOT, "arm", content.any([117, 9])))], "malformed");
});

test("CH2 parts follow one another without a gap", () => {
  refusesParts([part(0, "arm"), part(2, "belt")], "clock-gap");
  refusesParts([part(1, "arm")], "clock-gap");
  expect(
    opened().adopt(GENERATION, CLIENT, [part(0, "arm"), part(1, "belt", "cart"), part(3, "drone")])
      .ok,
  ).toBe(true);
});

test("CH2 PART_BYTES_MAX and PART_BYTES_MIN bound what a writer may ask for and a reader looks at", () => {
  refusesParts([new Uint8Array(PART_BYTES_MAX + 1)], "too-large");
  refusesParts([new Uint8Array(PART_BYTES_MAX)], "malformed");
  for (const bytes of [PART_BYTES_MAX + 1, PART_BYTES_MIN - 1, Number.NaN]) {
    expect(() => opened().snapshot(GENERATION, CLIENT, [], bytes)).toThrow(/partBytesMax/);
  }
  for (const value of [Number.NaN, "\uD800", "x".repeat(30_000)]) {
    expect(() =>
      opened().snapshot(GENERATION, CLIENT, [{ robot: "arm", value }], PART_BYTES_MAX),
    ).toThrow(RangeError);
  }
  expect(() =>
    opened().snapshot(GENERATION, CLIENT, [{ robot: "-", value: 1 }], PART_BYTES_MAX),
  ).toThrow(/bad-key/);
});

test("CH2 GENERATION_PARTS_MAX: more parts than that are not even read", () => {
  const parts = Array.from({ length: GENERATION_PARTS_MAX + 1 }, (_, index) =>
    part(index, `r${index}`),
  );
  refusesParts(parts, "too-large");
  expect(opened().adopt(GENERATION, CLIENT, parts.slice(1, 1)).ok).toBe(true);
  expect(opened().adopt(GENERATION, CLIENT, parts.slice(0, -1)).ok).toBe(true);
});

test("CH7 a generation has room for all ids that an honest author writes about", () => {
  expect(GENERATION_ROBOTS_MAX).toBeGreaterThan(AUTHOR_IDS_MAX);
});

test("CH7 GENERATION_ROBOTS_MAX: one robot more is refused, in a part and in a delta", () => {
  const robots = Array.from({ length: GENERATION_ROBOTS_MAX + 1 }, (_, index) => `r${index}`);
  const parts: Uint8Array[] = [];
  for (let clock = 0; clock < GENERATION_ROBOTS_MAX; clock += PART_STRUCTS_MAX) {
    parts.push(part(clock, ...robots.slice(clock, clock + PART_STRUCTS_MAX)));
  }
  refusesParts([...parts, part(GENERATION_ROBOTS_MAX, "one-more")], "too-many-structs");
  const documents = opened();
  expect(documents.adopt(GENERATION, CLIENT, parts).ok).toBe(true);
  expect(documents.check(GENERATION, [{ robot: "one-more", value: 1 }])).toBe("too-many-structs");
  expect(documents.check(GENERATION, [{ robot: "r0", value: 1 }])).toBeUndefined();
});

test("CH2 PART_STRUCTS_MAX: a part of 4,096 items passes, of one more is refused, and writers begin the next", () => {
  const robots = Array.from({ length: PART_STRUCTS_MAX + 1 }, (_, index) => `r${index}`);
  refusesParts([part(0, ...robots)], "too-many-structs");
  expect(opened().adopt(GENERATION, CLIENT, [part(0, ...robots.slice(1))]).ok).toBe(true);
  const values = robots.map((robot) => ({ robot, value: null }));
  const parts = opened().snapshot(GENERATION, CLIENT, values, PART_BYTES_MAX);
  expect(parts.length).toBe(2);
  expect(opened().adopt(GENERATION, CLIENT, parts).ok).toBe(true);
});

test("CH2 GENERATION_CLOCKS_MAX: a generation whose clocks are used up takes nothing more until the next snapshot", () => {
  const documents = opened();
  const run = (length: number): Uint8Array =>
    forgeUpdate([{ client: CLIENT, clock: 1, structs: [collected(length)] }]);
  expect(documents.apply(GENERATION, run(GENERATION_CLOCKS_MAX))).toEqual({
    ok: false,
    code: "too-many-structs",
  });
  expect(documents.apply(GENERATION, run(GENERATION_CLOCKS_MAX - 1)).ok).toBe(true);
  expect(documents.check(GENERATION, [{ robot: "arm", value: 1 }])).toBe("too-many-structs");
  expect(documents.adopt(GENERATION, CLIENT + 1, []).ok).toBe(true);
  expect(documents.check(GENERATION, [{ robot: "arm", value: 1 }])).toBeUndefined();
});

test("CH3 LIVE_BYTES_MAX: what a generation holds is bounded, overwritten and deleted values do not count", () => {
  const documents = opened();
  const value = "x".repeat(22_000);
  const count = Math.floor(LIVE_BYTES_MAX / 22_012);
  const values = Array.from({ length: count }, (_, index) => ({
    robot: `r${1_000 + index}`,
    value,
  }));
  const parts = documents.snapshot(GENERATION, CLIENT + 1, values, PART_BYTES_MAX);
  expect(documents.adopt(GENERATION, CLIENT + 1, parts).ok).toBe(true);
  expect(documents.check(GENERATION, [{ robot: "one-more", value }])).toBe("too-large");
  const exchange = [
    { robot: "r1000", value: undefined },
    { robot: "one-more", value },
  ];
  expect(documents.check(GENERATION, exchange)).toBeUndefined();
  documents.write(GENERATION, [{ robot: "r1000", value }]);
  documents.write(GENERATION, [{ robot: "r1000", value: undefined }]);
  documents.write(GENERATION, [{ robot: "one-more", value }]);
  expect(documents.check(GENERATION, [{ robot: "r1000", value }])).toBe("too-large");
});

test("CH3 should Yjs throw or keep something waiting after all, the view stays and a snapshot heals the generation", () => {
  let sabotage: Integrate | undefined;
  const integrate: Integrate = (doc, update) => (sabotage ?? Y.applyUpdate)(doc, update);
  const waiting = forgeUpdate([{ client: CLIENT, clock: 900, structs: [collected(1)] }]);
  const ways: readonly Integrate[] = [
    (doc, update) => {
      Y.applyUpdate(doc, update);
      throw new Error("half applied");
    },
    (doc, update) => {
      Y.applyUpdate(doc, update);
      Y.applyUpdate(doc, waiting);
    },
    (doc, update) => {
      Y.applyUpdate(doc, update);
      Y.applyUpdate(doc, forgeUpdate([], [{ client: CLIENT, ranges: [[900, 1]] }]));
    },
    () => undefined,
    (doc, update) => {
      Y.applyUpdate(doc, update);
      Y.applyUpdate(doc, forgeUpdate([{ client: CLIENT + 1, clock: 0, structs: [collected(1)] }]));
    },
  ];
  for (const way of ways) {
    sabotage = undefined;
    const documents = opened(integrate);
    const author = opened();
    const delta = author.write(GENERATION, [{ robot: "arm", value: "after" }]);
    sabotage = way;
    expect(documents.apply(GENERATION, delta)).toEqual({ ok: false, code: "pending" });
    expect(documents.adopt(GENERATION, CLIENT + 1, [part(0, "belt")]).ok).toBe(false);
    sabotage = undefined;
    expect(documents.apply(GENERATION, delta)).toEqual({ ok: false, code: "pending" });
    expect(documents.check(GENERATION, [])).toBe("pending");
    expect([...documents.read(GENERATION)]).toEqual([["arm", "before"]]);
    const parts = author.snapshot(
      GENERATION,
      CLIENT + 1,
      [{ robot: "arm", value: "after" }],
      PART_BYTES_MAX,
    );
    expect(documents.adopt(GENERATION, CLIENT + 1, parts).ok).toBe(true);
    expect([...documents.read(GENERATION)]).toEqual([["arm", "after"]]);
  }
});

test("CH2 a write to a generation that was not opened is a bug of the caller and throws", () => {
  const documents = createYjsDocuments();
  expect(() => documents.write(GENERATION, [{ robot: "arm", value: 1 }])).toThrow(/not opened/);
  expect(() => documents.check(GENERATION, [])).toThrow(/not opened/);
});
