/** The part of the documents contract that is about snapshots; {@link ./documents-contract.ts} registers it. */
import type { DocumentsPort, GateCode, GenerationRef, Json, RobotId } from "@pulsemesh/core";
import { beforeEach, expect, test } from "vitest";

const ALICE = "12D3KooWAliceAliceAliceAliceAliceAliceAliceAliceAlic1";

/** What all tests of the contract work on. */
export const GENERATION: GenerationRef = { document: "reported", author: ALICE, epoch: 7 };
export const CLIENT: number = 2 ** 32 + 4_503_599_627_370_495;
export const PART_BYTES: number = 256 * 1024;

export function snapshots(create: () => DocumentsPort): void {
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

  test("CH2 parts written one by one are those of the whole, and a draft of them is seen when it is installed", () => {
    replica.apply(GENERATION, set(author, "arm", 1));
    const values = Array.from({ length: 12 }, (_, index) => ({
      robot: `r${100 + index}`,
      value: "x".repeat(9_000),
    }));
    const partBytesMax = 24 * 1024;
    const parts = author.snapshot(GENERATION, CLIENT + 1, values, partBytesMax);
    const draft = replica.draft(GENERATION, CLIENT + 1);
    let clock = 0;
    for (const part of parts) {
      const rest = values.slice(clock);
      const { bytes, count } = author.snapshotPart(
        GENERATION,
        CLIENT + 1,
        clock,
        rest,
        partBytesMax,
      );
      expect(bytes).toEqual(part);
      expect(draft.take(bytes)).toEqual({ ok: true, changes: rest.slice(0, count) });
      clock += count;
      expect([...replica.read(GENERATION)]).toEqual([["arm", 1]]);
    }
    expect(clock).toBe(values.length);
    expect(replica.apply(GENERATION, set(author, "arm", 2)).ok).toBe(true);
    draft.install();
    expect([...replica.read(GENERATION)]).toEqual(values.map(({ robot, value }) => [robot, value]));
    expect(author.adopt(GENERATION, CLIENT + 1, parts).ok).toBe(true);
    expect(replica.apply(GENERATION, set(author, "arm", 3)).ok).toBe(true);
  });

  test("CH3 a draft that refuses a part changes nothing", () => {
    replica.apply(GENERATION, set(author, "arm", 1));
    const parts = author.snapshot(GENERATION, CLIENT + 1, [{ robot: "belt", value: 2 }], 24 * 1024);
    const part = parts[0] as Uint8Array;
    expect(replica.draft(GENERATION, CLIENT + 2).take(part)).toEqual({
      ok: false,
      code: "foreign-client",
    });
    const draft = replica.draft(GENERATION, CLIENT + 1);
    expect(draft.take(part).ok).toBe(true);
    expect(draft.take(part).ok).toBe(false);
    expect([...replica.read(GENERATION)]).toEqual([["arm", 1]]);
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

export function set(documents: DocumentsPort, robot: RobotId, value: Json): Uint8Array {
  return documents.write(GENERATION, [{ robot, value }]);
}

/** Asserts that the bytes are refused (with this code) and that nothing has changed. */
export function refuse(documents: DocumentsPort, bytes: Uint8Array, code?: GateCode): void {
  const before = [...documents.read(GENERATION)];
  const result = documents.apply(GENERATION, bytes);
  expect(result.ok).toBe(false);
  if (code !== undefined) expect(result).toEqual({ ok: false, code });
  expect([...documents.read(GENERATION)]).toEqual(before);
}
