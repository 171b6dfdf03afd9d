import { createTestPorts } from "@pulsemesh/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../wire/hex.ts";
import { recordFromJson, unattribute, type RobotRecord, type Source } from "./record.ts";
import { viewOf } from "./record-view.ts";
import { mergeOwn, mergeSources } from "./robot-slot.ts";
import { isSuperseded } from "./superseded.ts";

const POINTERS = ["/schedule", "/state", "/state/x", "/labels/a"];
const { codec } = createTestPorts("a");
const NOTHING_AHEAD = Number.MAX_SAFE_INTEGER;

const hlcs = fc.integer({ min: 1, max: 9 });
const records = fc
  .record({
    f: fc.dictionary(fc.constantFrom(...POINTERS), fc.tuple(hlcs, fc.constantFrom(1, 2))),
    t: fc.dictionary(fc.constantFrom(...POINTERS), hlcs),
    r: fc.option(hlcs, { nil: undefined }),
  })
  .map(({ f, t, r }) => recordFromJson(r === undefined ? { f, t } : { f, t, r }) as RobotRecord);

function sourcesOf(authors: readonly string[], max: number): fc.Arbitrary<readonly Source[]> {
  const source = fc.record({ author: fc.constantFrom(...authors), record: records });
  return fc
    .array(source, { minLength: 1, maxLength: max })
    .map((list) => list.map((one, i) => ({ ...one, epoch: i + 1 })));
}

function restamped(record: RobotRecord, stamp: (hlc: number) => number): RobotRecord {
  const { fields, tombstones, retiredHlc } = record;
  return {
    fields: new Map([...fields].map(([at, { hlc, value }]) => [at, { hlc: stamp(hlc), value }])),
    tombstones: new Map([...tombstones].map(([at, hlc]) => [at, stamp(hlc)])),
    retiredHlc: retiredHlc === 0 ? 0 : stamp(retiredHlc),
  };
}

/** As it is exported: the order of keys says nothing. */
function shown(sources: readonly Source[]): string {
  return toHex(codec.encode(viewOf(mergeSources(sources, NOTHING_AHEAD)).root));
}

test("CH7 OFF3 P1 nothing that is dropped because others outdo it is missed, now or after whatever they still write", () => {
  let dropped = 0;
  fc.assert(
    fc.property(
      sourcesOf(["gone"], 2),
      sourcesOf(["b", "c"], 3),
      sourcesOf(["b", "c"], 2),
      (gone, others, later) => {
        const merged = mergeSources(others, NOTHING_AHEAD);
        if (!gone.every(({ record }) => isSuperseded(record, merged))) return;
        dropped += 1;
        expect(shown([...others, ...gone])).toBe(shown(others));
        const after = later.map((one) => ({ ...one, epoch: one.epoch + 10 }));
        expect(shown([...others, ...after, ...gone])).toBe(shown([...others, ...after]));
      },
    ),
    { numRuns: 6_000, seed: 1 },
  );
  expect(dropped).toBeGreaterThan(50);
});

test("CH4 OFF3 P1 the view is the same in whatever order the records came", () => {
  fc.assert(
    fc.property(sourcesOf(["a", "b", "c"], 6), fc.integer(), (sources, salt) => {
      const mixed = sources.toSorted((a, b) => ((a.epoch * salt) % 7) - ((b.epoch * salt) % 7));
      expect(shown(mixed)).toBe(shown(sources));
    }),
    { numRuns: 1_000, seed: 2 },
  );
});

test("CH2 OFF3 P1 P5 an author that folds its epochs into a snapshot changes no view, whoever retired the robot and whoever wrote later", () => {
  fc.assert(
    fc.property(sourcesOf(["a", "b", "c"], 6), (given) => {
      // A writer stamps above all that it has written (rule CH4), so no two of its epochs have one stamp.
      const sources = given.map((source) => ({
        ...source,
        record: restamped(source.record, (hlc) => hlc * 10 + source.epoch),
      }));
      const own = sources.filter(({ author }) => author === "a");
      const record = unattribute(mergeOwn(own));
      const folded = [
        ...sources.filter(({ author }) => author !== "a"),
        { author: "a", epoch: 9, record },
      ];
      expect(shown(folded)).toBe(shown(sources));
    }),
    { numRuns: 2_000, seed: 3 },
  );
});
