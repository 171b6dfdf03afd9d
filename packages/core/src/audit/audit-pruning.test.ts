import { CoreRig, createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Effect } from "../effect.ts";
import type { JsonObject } from "../json.ts";
import { AUDIT_BASE_ROW, AUDIT_HEAD_ROW, AUDIT_ROW_PREFIX, auditKey } from "./audit-entry.ts";
import { AUDIT_PRUNE_BATCH } from "./audit-pruning.ts";
import { AuditVerifier, readAuditRow, type AuditFinding } from "./audit-verifier.ts";

const { codec, hash } = createTestPorts("a");
/** As few as can be configured. */
const KEPT = 1_000;

function entriesIn(rows: ReadonlyMap<string, Uint8Array>): readonly StoreRow[] {
  return [...rows]
    .filter(([key]) => key.startsWith(AUDIT_ROW_PREFIX))
    .map(([key, value]) => ({ key, value }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

function verify(rows: ReadonlyMap<string, Uint8Array>): AuditFinding {
  const verifier = new AuditVerifier(codec, hash);
  verifier.begin(rows.get(AUDIT_BASE_ROW));
  for (const row of entriesIn(rows)) verifier.add(row);
  return verifier.finish(rows.get(AUDIT_HEAD_ROW));
}

/** Makes a node log at least so many entries, one robot after another. */
function log(rig: CoreRig, entries: number): void {
  for (let i = 0; i < entries; i++) {
    const kind = i % 2 === 0 ? "fail" : "success";
    const command = { type: "beat", robot: "bot", kind, create: "heartbeat" } as const;
    rig.input({ type: "command", id: i, command });
    rig.settle();
    rig.monoMs += 1_000;
    rig.wallMs += 1_000;
  }
}

function rigOn(rows: Map<string, Uint8Array>): CoreRig {
  const rig = new CoreRig("a", {
    rows,
    config: { auditEntriesMax: KEPT, snapshotAfterDeltas: 50 },
  });
  rig.start();
  return rig;
}

function commitsOf(effects: readonly Effect[]): readonly Extract<Effect, { type: "persist" }>[] {
  return effects.filter((effect) => effect.type === "persist");
}

/** A log of which the oldest entries are gone. */
function prunedLog(): Map<string, Uint8Array> {
  const rows = new Map<string, Uint8Array>();
  log(rigOn(rows), KEPT);
  expect(verify(rows)).toMatchObject({ ok: true });
  expect(rows.has(AUDIT_BASE_ROW)).toBe(true);
  return rows;
}

describe("a log that has grown to its limit", () => {
  test("OFF4 P6 keeps auditEntriesMax entries and less than AUDIT_PRUNE_BATCH more, however many are written, and verifies from where it begins", () => {
    const rows = new Map<string, Uint8Array>();
    let most = 0;
    let size = 0;
    for (let life = 0; life < 6; life++) {
      // Each life is cut off in the middle of something, and the next one goes on.
      const rig = rigOn(rows);
      for (let i = 0; i < 5; i++) {
        log(rig, 100);
        most = Math.max(most, entriesIn(rows).length);
        const found = verify(rows);
        expect(found).toMatchObject({ ok: true });
        expect(found.size).toBeGreaterThan(size);
        expect(found.size - found.pruned).toBe(entriesIn(rows).length);
        size = found.size;
      }
    }
    expect(size).toBeGreaterThan(4 * KEPT);
    expect(most).toBeLessThanOrEqual(KEPT + AUDIT_PRUNE_BATCH + 10);
    expect(most).toBeGreaterThan(KEPT);
    const kinds = entriesIn(rows).map((row) => readAuditRow(codec, hash, row)?.entry.kind);
    expect(kinds).toContain("audit-pruned");
    expect(() => coreConfig({ auditEntriesMax: 999 })).toThrow(/'auditEntriesMax'/);
  });

  test("OFF4 P5 prunes in one commit with the new beginning, so that a crash at any instant leaves a log that verifies", () => {
    const rows = new Map<string, Uint8Array>();
    const rig = rigOn(rows);
    let prunings = 0;
    for (let i = 0; prunings === 0; i++) {
      const kind = i % 2 === 0 ? "fail" : "success";
      const command = { type: "beat", robot: "bot", kind, create: "heartbeat" } as const;
      rig.input({ type: "command", id: i, command });
      // Each commit alone is what a crash may leave.
      for (const { ops } of commitsOf(rig.settle())) {
        const isOf = (key: string, type: string): boolean =>
          ops.some((op) => op.key === key && op.type === type);
        const isPruning = isOf(AUDIT_BASE_ROW, "put");
        expect([isPruning, isOf(auditKey(0), "del")]).toEqual([isPruning, isPruning]);
        if (isPruning) expect(isOf(AUDIT_HEAD_ROW, "put")).toBe(true);
      }
      rig.monoMs += 1_000;
      rig.wallMs += 1_000;
      expect(i).toBeLessThan(2 * KEPT);
      if (i % 50 === 0) expect(verify(rows)).toMatchObject({ ok: true });
      if (rows.has(AUDIT_BASE_ROW)) prunings += 1;
    }
    expect(verify(rows)).toMatchObject({ ok: true });
    expect(rows.has(auditKey(0))).toBe(false);
  });

  test("OFF4 P7 a beginning that was cut off further, or that somebody else wrote, is found", () => {
    const cut = prunedLog();
    const first = entriesIn(cut)[0] as StoreRow;
    const index = Number(first.key.slice(AUDIT_ROW_PREFIX.length));
    cut.delete(first.key);
    expect(verify(cut)).toMatchObject({ ok: false, badIndex: index, reason: "gap" });
    // The base is moved along, so that it fits the first entry; but no entry says that it was pruned there.
    const next = entriesIn(cut)[0] as StoreRow;
    const read = codec.decode(next.value) as readonly [number, number, string, unknown, Uint8Array];
    cut.set(AUDIT_BASE_ROW, codec.encode([index + 1, read[4]]));
    expect(verify(cut)).toMatchObject({ ok: false, badIndex: index + 1, reason: "base" });
    const lost = prunedLog();
    lost.delete(AUDIT_BASE_ROW);
    expect(verify(lost)).toMatchObject({ ok: false, badIndex: 0, reason: "gap" });
    const damaged = prunedLog();
    damaged.set(AUDIT_BASE_ROW, new Uint8Array([1]));
    expect(verify(damaged)).toMatchObject({ ok: false, badIndex: 0, reason: "base" });
  });

  test("OFF4 goes on past entries that are damaged or missing where it would begin", () => {
    const rows = new Map<string, Uint8Array>();
    log(rigOn(rows), KEPT / 2);
    rows.set(auditKey(AUDIT_PRUNE_BATCH), new Uint8Array([1, 2, 3]));
    rows.delete(auditKey(AUDIT_PRUNE_BATCH + 1));
    expect(verify(rows)).toMatchObject({ ok: false });
    log(rigOn(rows), KEPT);
    expect(verify(rows)).toMatchObject({ ok: true });
    expect(entriesIn(rows).length).toBeLessThan(KEPT + 2 * AUDIT_PRUNE_BATCH);
  });

  test("OFF4 P6 goes on past however many entries that are damaged", () => {
    const rows = new Map<string, Uint8Array>();
    log(rigOn(rows), KEPT / 2);
    for (let i = 0; i < 30; i++) rows.set(auditKey(AUDIT_PRUNE_BATCH + i), new Uint8Array([1]));
    log(rigOn(rows), KEPT);
    expect(verify(rows)).toMatchObject({ ok: true });
    expect(entriesIn(rows).length).toBeLessThan(KEPT + 2 * AUDIT_PRUNE_BATCH);
  });

  test("OFF4 P7 a node vouches for no cut: a log whose beginning is gone, and its base with it, says how much was missing", () => {
    const rows = prunedLog();
    const [first] = entriesIn(rows);
    const begins = Number(first?.key.slice(AUDIT_ROW_PREFIX.length));
    for (let i = 0; i < 300; i++) rows.delete(auditKey(begins + i));
    rows.delete(AUDIT_BASE_ROW);
    log(rigOn(rows), 200);
    expect(verify(rows)).toMatchObject({ ok: true });
    const prunings = entriesIn(rows).flatMap((row) => {
      const entry = readAuditRow(codec, hash, row)?.entry;
      return entry?.kind === "audit-pruned" ? [entry.data] : [];
    });
    const missing = begins + 300 - AUDIT_PRUNE_BATCH;
    const vouched = prunings.filter((data) => (data as JsonObject)["missing"] !== undefined);
    expect(vouched).toMatchObject([{ below: begins + 300, missing }]);
  });
});
