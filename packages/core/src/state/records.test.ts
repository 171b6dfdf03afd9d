import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  PATCH_BYTES_MAX,
  STATE_BYTES_MAX,
  STATE_DEPTH_MAX,
  type Json,
  type JsonObject,
} from "../json.ts";
import { VirtualMesh, type VirtualNode } from "../chain/virtual-mesh.test-support.ts";
import { CLOCK_AHEAD_MS_MAX } from "./hlc.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { isSameJson } from "./json-values.ts";
import { RECORDS_COUNTED_MAX } from "./counted-sources.ts";
import { RecordDraft } from "./record-draft.ts";
import { mergedRecord } from "./record-table.ts";
import type { GenerationRef } from "../ports.ts";
import type { Records } from "./records.ts";

let net: VirtualMesh;
let node: VirtualNode;
let records: Records;

beforeEach(() => {
  net = new VirtualMesh({
    sha256: (bytes) => createHash("sha256").update(bytes).digest(),
    documents: createMemoryDocuments,
  });
  node = net.add("a", 1);
  records = node.chains.records;
});

const key = fc.constantFrom("a", "b", "c", "__proto__", "d/e~f");
const patchValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.integer(),
    fc.constant("x"),
    fc.constant([1, { y: 2 }]),
    fc.dictionary(key, tie("value"), { maxKeys: 3 }),
  ),
})).value;
const patch = fc.dictionary(key, patchValue, { maxKeys: 3 }) as fc.Arbitrary<JsonObject>;

describe("robots' state", () => {
  test("CH4 a merge patch does what RFC 7396 says, on one node and on its reader", () => {
    const reader = net.add("b", 1);
    net.link("a", "b");
    let robot = 0;
    fc.assert(
      fc.property(
        fc.array(patch, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.boolean()),
        (patches, who) => {
          const id = `bot-${robot++}`;
          let expected: Json = {};
          for (const one of patches) {
            expected = applyMergePatch(expected, one);
            const result = net.patch(who.next().value === true ? "a" : "b", id, one);
            net.run();
            expect(result.ok && isSameJson(result.state, expected)).toBe(true);
          }
          expect(isSameJson(reader.chains.records.state(id), expected)).toBe(true);
          expect(reader.chains.records.documentHash()).toBe(records.documentHash());
        },
      ),
      { numRuns: 300 },
    );
  });

  test("CH3 state up to STATE_BYTES_MAX is taken, beyond it refused with nothing changed", () => {
    expect(net.patch("a", "bot", { text: "x".repeat(STATE_BYTES_MAX - 20) }).ok).toBe(true);
    const before = records.etag("bot");
    expect(net.patch("a", "bot", { more: "x".repeat(40) })).toMatchObject({
      ok: false,
      code: "state-too-large",
      etag: before,
    });
    expect(records.etag("bot")).toBe(before);
    expect(net.patch("a", "bot", { text: null, more: "y" }).ok).toBe(true);
  });

  test("CH3 P6 a patch beyond PATCH_BYTES_MAX is refused whatever it would leave, and one that removes a full state for another is not", () => {
    const keys = (prefix: string, value: Json): JsonObject =>
      Object.fromEntries(
        Array.from({ length: 350 }, (_, i) => [`${prefix}-${"x".repeat(25)}-${i}`, value]),
      );
    expect(net.patch("a", "bot", keys("old", 1)).ok).toBe(true);
    const exchanged = net.patch("a", "bot", { ...keys("old", null), ...keys("new", 1) });
    expect(exchanged.ok && Object.keys(exchanged.state)).toHaveLength(350);
    const unknown = Object.fromEntries(
      Array.from({ length: PATCH_BYTES_MAX / 8 }, (_, i) => [`unknown${i}`, null]),
    );
    const encode = vi.spyOn(node.env.ports.codec, "encode");
    expect(net.patch("a", "bot", unknown)).toMatchObject({ ok: false, code: "state-too-large" });
    // A megabyte of small fields takes half a second to encode.
    expect(encode).not.toHaveBeenCalled();
    encode.mockRestore();
  });

  test("CH3 P6 a patch that leaves too large a state is refused before anything is drafted", () => {
    net.patch("a", "bot", { n: 1 });
    const draft = vi.spyOn(RecordDraft.prototype, "setLeaf");
    const many = Object.fromEntries(Array.from({ length: 3_500 }, (_, i) => [`k${i}`, 1]));
    expect(net.patch("a", "bot", many)).toMatchObject({ ok: false, code: "state-too-large" });
    expect(draft).not.toHaveBeenCalled();
    draft.mockRestore();
  });

  test.each([
    ["value", { a: "x\ud800" }],
    ["key", { "\udfff": 1 }],
    ["value in an array", { a: [{ b: "\ud800y" }] }],
  ])(
    "CH3 P5 a lone surrogate in a %s is refused and not stored as another character",
    (_, given) => {
      expect(net.patch("a", "bot", given as JsonObject)).toMatchObject({
        ok: false,
        code: "state-invalid",
      });
      expect(records.robots()).toEqual([]);
      expect(net.patch("a", "bot", { a: "\ud83d\ude00" }).ok).toBe(true);
    },
  );

  test("CH4 removed fields count in the size, and give way before a write is refused for them", () => {
    const own = { document: "reported", author: "a", epoch: 1 } as const;
    let tombstonesMax = 0;
    for (let i = 0; i < 400; i++) {
      const name = `key-${i}-${"x".repeat(40)}`;
      expect(net.patch("a", "bot", { [name]: i }).ok).toBe(true);
      expect(net.patch("a", "bot", { [name]: null }).ok).toBe(true);
      tombstonesMax = Math.max(tombstonesMax, records.table.ownRecord("bot", own).tombstones.size);
    }
    expect(tombstonesMax).toBeGreaterThan(200);
    expect(tombstonesMax).toBeLessThan(300);
    expect(records.state("bot")).toEqual({});
  });

  test("CH3 state nests up to STATE_DEPTH_MAX levels", () => {
    const nest = (depth: number): JsonObject => (depth <= 1 ? {} : { n: nest(depth - 1) });
    expect(net.patch("a", "bot", nest(STATE_DEPTH_MAX)).ok).toBe(true);
    expect(net.patch("a", "bot", nest(STATE_DEPTH_MAX + 1))).toMatchObject({
      ok: false,
      code: "state-too-deep",
    });
    let deep: Json = 1;
    for (let i = 0; i < 50_000; i++) deep = [deep];
    expect(net.patch("a", "bot", { deep })).toMatchObject({ ok: false, code: "state-too-deep" });
  });

  test("CH3 a stale If-Match changes nothing", () => {
    const first = net.patch("a", "bot", { n: 1 });
    expect(first.ok && net.patch("a", "bot", { n: 2 }, first.etag).ok).toBe(true);
    expect(net.patch("a", "bot", { n: 3 }, first.ok ? first.etag : "")).toMatchObject({
      ok: false,
      code: "precondition-failed",
    });
    expect(records.state("bot")).toEqual({ n: 2 });
  });

  test("CH3 values that JSON cannot carry are refused", () => {
    expect(net.patch("a", "bot", { n: Number.NaN })).toMatchObject({
      ok: false,
      code: "state-invalid",
    });
    expect(net.patch("a", "bot", { n: undefined } as unknown as JsonObject)).toMatchObject({
      ok: false,
      code: "state-invalid",
    });
  });

  test("CH4 CLOCK_AHEAD_MS_MAX a stamp further ahead is kept and counted in the export, but shown only when it is due", () => {
    const far = net.add("b", 1);
    far.wallOffsetMs = CLOCK_AHEAD_MS_MAX + 60_000;
    net.link("a", "b");
    net.patch("a", "bot", { n: "now" });
    net.run();
    net.patch("b", "bot", { n: "tomorrow" });
    net.run();
    expect(records.state("bot")).toEqual({ n: "now" });
    expect(net.patch("a", "bot", { m: 1 }).ok).toBe(true);
    net.run();
    expect(records.documentHash()).toBe(far.chains.records.documentHash());
    net.advance(120_000);
    expect(records.state("bot")).toEqual({ n: "tomorrow", m: 1 });
    expect(records.documentHash()).toBe(far.chains.records.documentHash());
  });

  test("CH4 a writer stamps above what it has seen, however far its own clock is behind", () => {
    const late = net.add("b", 1);
    late.wallOffsetMs = -3_600_000;
    net.link("a", "b");
    net.patch("a", "bot", { n: 1 });
    net.run();
    net.patch("b", "bot", { n: 2 });
    net.run();
    expect(records.state("bot")).toEqual({ n: 2 });
    net.restart("b", 2);
    net.patch("b", "bot", { n: 3 });
    net.run();
    expect(records.state("bot")).toEqual({ n: 3 });
  });

  test("CH4 a retired robot is gone, also when an old node brings its fields later", () => {
    net.add("b", 1);
    net.patch("b", "bot", { n: 1 });
    net.advance(10);
    net.input(node, (now) =>
      expect(records.retire("bot", now)).toEqual({ ok: false, code: "robot-unknown" }),
    );
    net.write("a", "bot", { "/schedule": ["every", 1, 2, 3, 4] });
    net.input(node, (now) => expect(records.retire("bot", now).ok).toBe(true));
    net.advance(1_000);
    net.patch("a", "other", { n: 1 });
    net.link("a", "b");
    net.advance(1_000);
    for (const { chains } of net.nodes.values()) {
      expect(chains.records.robots()).toEqual(["other"]);
      expect(chains.records.standing("bot").retiredBy).toBe("a");
    }
  });

  test("CH4 a patch by who does not know of the retirement yet brings nobody back, a registration does", () => {
    net.add("b", 1);
    net.write("a", "bot", { "/schedule": ["every", 1, 2, 3, 4] });
    net.link("a", "b");
    net.advance(100);
    net.input(node, (now) => expect(records.retire("bot", now).ok).toBe(true));
    net.write("b", "bot", { "/state/late": 1, "/labels/late": "1" });
    net.advance(1_000);
    for (const { chains } of net.nodes.values())
      expect(chains.records.standing("bot")).toMatchObject({ retiredBy: "a", claimants: [] });
    net.write("b", "bot", { "/schedule": ["every", 5, 6, 7, 8] });
    net.advance(1_000);
    for (const { chains } of net.nodes.values())
      expect(chains.records.standing("bot")).toMatchObject({
        retiredBy: undefined,
        claimants: ["b"],
      });
  });

  test("P1 fields outside the state are merged and removed alike, and name their registrar", () => {
    net.write("a", "bot", {
      "/schedule": ["every", 1, 2, 3, 4],
      "/labels/role": "precheck",
      "/health": "ok",
    });
    expect(records.record("bot")).toEqual({
      schedule: ["every", 1, 2, 3, 4],
      labels: { role: "precheck" },
      health: "ok",
    });
    expect(records.standing("bot")).toMatchObject({ registrar: "a", retiredBy: undefined });
    const version = records.version("bot");
    net.write("a", "bot", { "/labels/role": undefined });
    expect(records.record("bot")).toEqual({ schedule: ["every", 1, 2, 3, 4], health: "ok" });
    expect(records.version("bot")).not.toBe(version);
    const rows = node.rows.size;
    net.write("a", "bot", { "/health": "ok" });
    expect(node.rows.size).toBe(rows);
  });

  test("VE6 another node's claim of a robot changes no view, and is told all the same", () => {
    const reader = net.add("b", 1);
    net.link("a", "b");
    const claim = { "/schedule": ["every", 1, 2, 3, 4] };
    net.write("a", "bot", claim);
    net.run();
    for (const one of [node, reader]) one.chains.takeChangedRobots();
    const version = records.version("bot");
    net.advance(10);
    net.write("b", "bot", claim);
    net.run();
    for (const one of [node, reader]) {
      expect(one.chains.takeChangedRobots()).toEqual(["bot"]);
      expect(one.eventsOf("robot-state")).toHaveLength(1);
      expect(one.chains.records.standing("bot")).toMatchObject({ claimants: ["a", "b"] });
    }
    expect(records.version("bot")).toBe(version);
    net.input(node, (now) => expect(records.retire("bot", now).ok).toBe(true));
    net.run();
    expect(reader.chains.records.standing("bot")).toMatchObject({ claimants: [], retiredBy: "a" });
  });

  test("P5 a change that was taken and cannot be written is an error for its caller, and no success", () => {
    net.patch("a", "bot", { n: 1 });
    const rows = new Map(node.rows);
    const write = vi.spyOn(node.env.ports.documents, "write").mockImplementation(() => {
      throw new Error("refused after all");
    });
    expect(() => net.patch("a", "bot", { n: 2 })).toThrow("refused after all");
    write.mockRestore();
    expect(node.rows).toEqual(rows);
    expect(net.restart("a", 2).chains.records.state("bot")).toEqual({ n: 1 });
  });

  test("P1 P4 who hosts a robot that another node retires says all of it again, and every node shows it", () => {
    const reader = net.add("b", 1);
    const stranger = net.add("c", 1);
    net.linkAll();
    net.write("a", "bot", { "/schedule": ["every", 1, 2, 3, 4], "/labels/role": "precheck" });
    net.patch("b", "bot", { n: 1 });
    net.run();
    const before = reader.chains.records.record("bot");
    const hash = records.documentHash();
    // Ahead of everybody's clock, and below the horizon: whoever writes goes above it all the same.
    stranger.wallOffsetMs = CLOCK_AHEAD_MS_MAX - 60_000;
    net.write("c", "bot", { "/schedule": ["every", 1, 2, 3, 4] });
    net.input(stranger, (now) => expect(stranger.chains.records.retire("bot", now).ok).toBe(true));
    net.run();
    expect(reader.chains.records.record("bot")).toEqual({});
    net.input(node, (now) => expect(records.restate("bot", now).ok).toBe(true));
    net.run();
    for (const { chains } of net.nodes.values()) {
      expect(chains.records.record("bot")).toEqual(before);
      expect(chains.records.documentHash()).toBe(hash);
      expect(chains.records.standing("bot")).toMatchObject({
        claimants: ["a"],
        retiredBy: undefined,
      });
    }
  });

  test("CH4 P4 what an earlier retirement hid does not come back when the home says the robot again above a later one", () => {
    net.add("b", 1);
    const [stranger, another] = [net.add("c", 1), net.add("d", 1)];
    net.linkAll();
    net.write("b", "bot", { "/schedule": ["every", 1, 2, 3, 4], "/labels/old": "1" });
    net.run();
    net.write("c", "bot", { "/schedule": ["every", 1, 2, 3, 4] });
    net.input(stranger, (now) => expect(stranger.chains.records.retire("bot", now).ok).toBe(true));
    net.run();
    net.write("a", "bot", { "/schedule": ["every", 5, 2, 3, 4], "/labels/new": "2" });
    net.run();
    const before = records.record("bot");
    expect(before["labels"]).toEqual({ new: "2" });
    net.write("d", "bot", { "/schedule": ["every", 5, 2, 3, 4] });
    net.input(another, (now) => expect(another.chains.records.retire("bot", now).ok).toBe(true));
    net.run();
    expect(records.standing("bot")).toMatchObject({ retiredBy: "d", hiddenBy: "d" });
    net.input(node, (now) => expect(records.restate("bot", now).ok).toBe(true));
    net.run();
    for (const { chains } of net.nodes.values())
      expect(chains.records.record("bot")).toEqual(before);
  });

  test("CH4 P6 more records of one author than RECORDS_COUNTED_MAX are told once, and what others wrote is shown with them", () => {
    net.patch("a", "bot", { n: 1 });
    const apply = (epoch: number): void =>
      net.input(node, (now) => {
        const generation = { document: "reported", author: "z", epoch } as const;
        const value = { f: { [`/state/z${epoch}`]: [1, epoch] }, t: {} };
        records.table.apply(generation, [{ robot: "bot", value }]);
        records.settle(now);
      });
    for (let epoch = 1; epoch <= RECORDS_COUNTED_MAX; epoch++) apply(epoch);
    expect(records.state("bot")).toMatchObject({ n: 1, z1: 1 });
    expect(node.eventsOf("rejected")).toEqual([]);
    for (let more = 1; more <= 3; more++) apply(RECORDS_COUNTED_MAX + more);
    expect(Object.keys(records.state("bot"))).toHaveLength(1 + RECORDS_COUNTED_MAX);
    expect(records.state("bot")).toMatchObject({ n: 1, z4: 4 });
    expect(node.eventsOf("rejected")).toEqual([
      { type: "rejected", reason: "record-max", from: undefined },
    ]);
  });

  test("CH2 P5 a snapshot of more own epochs than RECORDS_COUNTED_MAX holds all that they say, and it is shown", () => {
    const { table } = records;
    const own = (epoch: number): GenerationRef => ({ document: "reported", author: "z", epoch });
    const epochs = Array.from({ length: RECORDS_COUNTED_MAX + 2 }, (_, i) => own(i + 1));
    for (const { epoch } of epochs) {
      const value = { f: { [`/state/z${epoch}`]: [1, epoch] }, t: {} };
      table.apply(own(epoch), [{ robot: "bot", value }]);
    }
    expect(records.state("bot")).not.toHaveProperty("z1");
    const captured = table.capture(epochs).map((one) => ({ ...one, merged: mergedRecord(one) }));
    table.fold(own(99), captured, epochs);
    expect(Object.keys(records.state("bot"))).toHaveLength(RECORDS_COUNTED_MAX + 2);
  });

  test("CH4 view changes are reported once, local and remote, and none at restore", () => {
    const reader = net.add("b", 1);
    net.link("a", "b");
    net.patch("a", "bot", { n: 1 });
    net.patch("a", "bot", { n: 1 });
    net.run();
    for (const one of [node, reader]) {
      expect(one.eventsOf("robot-state")).toEqual([
        expect.objectContaining({ robot: "bot", state: { n: 1 } }),
      ]);
      expect(one.chains.takeChangedRobots()).toEqual(["bot"]);
    }
    expect(net.restart("b", 2).eventsOf("robot-state")).toEqual([]);
  });
});
