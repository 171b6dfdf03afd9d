import type { DocumentsPort, GenerationRef, Json, RobotId } from "@pulsemesh/core";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { createYjsDocuments } from "./yjs-documents.ts";

const GENERATION: GenerationRef = {
  document: "reported",
  author: "12D3KooWSizeSizeSizeSizeSizeSizeSizeSizeSizeSizeSiz1",
  epoch: 1,
};
const CLIENT = 2 ** 32 + 1_000_000;
const SNAPSHOT_EVERY = 1_000;
/** The size does not depend on it, which is the point; `npm run test:long` takes the number of DESIGN. */
const UPDATES = process.env["PULSEMESH_LONG"] === "1" ? 100_000 : 10_000;

function record(index: number): Json {
  return { f: { "/status": [1_900_000_000_000_000 + index, `step ${index % 7}`] }, t: {} };
}

function compact(documents: DocumentsPort, clientId: number): number {
  const values = [...documents.read(GENERATION)].map(([robot, value]) => ({ robot, value }));
  const parts = documents.snapshot(GENERATION, clientId, values, 256 * 1024);
  expect(documents.adopt(GENERATION, clientId, parts).ok).toBe(true);
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function liveBytes(values: ReadonlyMap<RobotId, Json>): number {
  return [...values].reduce(
    (sum, [robot, value]) => sum + robot.length + JSON.stringify(value).length,
    0,
  );
}

test.each([1, 100])(
  "CH2 however often %i robots are set in turn, a snapshot is at most 1 KiB and 1.1 times what is live",
  { timeout: 60_000 },
  (robots) => {
    const documents = createYjsDocuments();
    documents.open(GENERATION, CLIENT);
    for (let index = 0; index < UPDATES; index++) {
      documents.write(GENERATION, [{ robot: `robot-${index % robots}`, value: record(index) }]);
      if ((index + 1) % SNAPSHOT_EVERY !== 0) continue;
      const bytes = compact(documents, CLIENT + index);
      expect(bytes).toBeLessThanOrEqual(1_024 + 1.1 * liveBytes(documents.read(GENERATION)));
    }
    expect(documents.read(GENERATION).size).toBe(robots);
  },
);

test("CH2 a snapshot leaves nothing of the generation before in memory's document", () => {
  let doc = new Y.Doc();
  const documents = createYjsDocuments({
    integrate: (target, update) => Y.applyUpdate((doc = target), update),
  });
  documents.open(GENERATION, CLIENT);
  const structs = (): number =>
    [...doc.store.clients.values()].reduce((sum, list) => sum + list.length, 0);
  for (let index = 0; index < SNAPSHOT_EVERY; index++) {
    documents.write(GENERATION, [{ robot: `robot-${index % 10}`, value: record(index) }]);
  }
  expect(structs()).toBeGreaterThan(900);
  compact(documents, CLIENT + 1);
  expect(structs()).toBe(10);
  expect([...doc.store.clients.keys()]).toEqual([CLIENT + 1]);
});
