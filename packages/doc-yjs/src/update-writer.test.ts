import type { Json, RecordChange } from "@pulsemesh/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { rootOf } from "./ledger.ts";
import { createYjsDocuments } from "./yjs-documents.ts";

const GENERATION = { document: "reported", author: "12D3KooWAuthorOne", epoch: 1 } as const;
const CLIENT = 2 ** 32 + 4_242_424_242;

const robot = fc.constantFrom("arm", "belt", "cart");
const value = fc.option(fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>, {
  nil: undefined,
  freq: 4,
});
const writes = fc.array(
  fc.uniqueArray(fc.record({ robot, value }), { minLength: 1, selector: (change) => change.robot }),
  {
    maxLength: 20,
  },
);

/** The same writes through the public API of Yjs, and the update that it emits. */
function writeByYjs(doc: Y.Doc, changes: readonly RecordChange[]): Uint8Array {
  let update: Uint8Array = Uint8Array.of(0, 0);
  const keep = (emitted: Uint8Array): void => void (update = emitted);
  doc.on("update", keep);
  const root = doc.getMap(rootOf(GENERATION.author));
  doc.transact(() => {
    for (const change of changes) {
      if (change.value === undefined) root.delete(change.robot);
      else root.set(change.robot, change.value);
    }
  });
  doc.off("update", keep);
  return update;
}

test("CH2 deltas are byte for byte what Yjs emits for the same map calls", () => {
  fc.assert(
    fc.property(writes, (steps) => {
      const documents = createYjsDocuments();
      documents.open(GENERATION, CLIENT);
      const doc = new Y.Doc();
      doc.clientID = CLIENT;
      for (const changes of steps) {
        if (documents.check(GENERATION, changes) !== undefined) continue;
        expect(documents.write(GENERATION, changes)).toEqual(writeByYjs(doc, changes));
      }
      expect(doc.getMap(rootOf(GENERATION.author)).toJSON()).toEqual(
        Object.fromEntries(documents.read(GENERATION)),
      );
    }),
    { numRuns: 300 },
  );
});

test("CH2 a snapshot is byte for byte the state of a fresh Y.Doc with the same values", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/), { maxLength: 40 }),
      (robots) => {
        const sorted = robots.toSorted((a, b) => (a < b ? -1 : 1));
        const parts = createYjsDocuments().snapshot(
          GENERATION,
          CLIENT,
          robots.map((id) => ({ robot: id, value: id.length })),
          256 * 1024,
        );
        const doc = new Y.Doc();
        doc.clientID = CLIENT;
        for (const id of sorted) doc.getMap(rootOf(GENERATION.author)).set(id, id.length);
        expect(parts).toEqual(robots.length === 0 ? [] : [Y.encodeStateAsUpdate(doc)]);
      },
    ),
    { numRuns: 100 },
  );
});

test("CH2 numbers are written in the form that Yjs chooses, at every border", () => {
  const borders = [
    0,
    -0,
    63,
    64,
    -63,
    -64,
    8191,
    8192,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    0.5,
    0.1,
    1e39,
    -1e300,
    5e-324,
  ];
  const documents = createYjsDocuments();
  documents.open(GENERATION, CLIENT);
  const doc = new Y.Doc();
  doc.clientID = CLIENT;
  for (const border of borders) {
    const changes = [{ robot: "arm", value: [border] }];
    expect([border, documents.write(GENERATION, changes)]).toEqual([
      border,
      writeByYjs(doc, changes),
    ]);
  }
});
