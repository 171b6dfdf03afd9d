import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { RecordDraft } from "./record-draft.ts";
import { EMPTY_RECORD, recordToJson, type RobotRecord } from "./record.ts";

const pointer = fc.constantFrom("/a", "/a/b", "/a/b/c", "/ab", "/d", "/d/e");
const step = fc.oneof(
  fc.tuple(fc.constant("set" as const), pointer),
  fc.tuple(fc.constant("object" as const), pointer),
  fc.tuple(fc.constant("remove" as const), pointer),
);

function apply(draft: RecordDraft, [what, at]: readonly [string, string]): void {
  if (what === "remove") draft.remove(at);
  else draft.setLeaf(at, what === "set" ? 1 : {});
}

function facts({ fields, tombstones }: RobotRecord): unknown {
  return { f: Object.fromEntries(fields), t: Object.fromEntries(tombstones) };
}

describe("drafts", () => {
  test("CH4 P6 a write of many fields walks over the record once", () => {
    const fields = new Map(
      Array.from({ length: 1_000 }, (_, i) => [`/state/old${i}/x`, { hlc: 1, value: 1 }]),
    );
    const draft = new RecordDraft({ ...EMPTY_RECORD, fields }, 10);
    const walks = ["keys", "entries", "forEach", Symbol.iterator].map((name) =>
      vi.spyOn(Map.prototype, name as "keys"),
    );
    for (let i = 0; i < 1_000; i++) draft.setLeaf(`/state/old${i}`, i);
    const record = draft.record();
    const count = walks.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    for (const walk of walks) walk.mockRestore();
    expect(count).toBeLessThanOrEqual(2);
    expect(record.fields.size).toBe(1_000);
  });

  test("CH4 all changes in one draft leave what each of them in its own draft would", () => {
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (before, steps) => {
        const base = before.reduce((record, one) => {
          const draft = new RecordDraft(record, 1);
          apply(draft, one);
          return draft.record();
        }, EMPTY_RECORD);
        const together = new RecordDraft(base, 10);
        for (const one of steps) apply(together, one);
        const single = steps.reduce((record, one) => {
          const draft = new RecordDraft(record, 10);
          apply(draft, one);
          return draft.record();
        }, base);
        expect(facts(together.record())).toEqual(facts(single));
      }),
      { numRuns: 2_000 },
    );
  });

  test("CH4 P6 what is left of a retired record is a marker of at most 100 bytes, whatever it held", () => {
    const draft = new RecordDraft(EMPTY_RECORD, 2 ** 52);
    draft.replace("/schedule", ["cron", "*".repeat(256), "UTC", 0, 1]);
    for (let i = 0; i < 1_000; i += 1) draft.replace(`/state/${i}`, { of: i });
    draft.remove("/state/7");
    draft.retire();
    const { retiredHlc, fields } = draft.record();
    expect([retiredHlc, fields.has("/schedule")]).toEqual([2 ** 52 + 1, true]);
    expect(dagCbor.encode(recordToJson(draft.record())).length).toBeLessThanOrEqual(100);
  });
});
