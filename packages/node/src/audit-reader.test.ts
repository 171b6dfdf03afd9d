import { AUDIT_HEAD_ROW, auditKey, dagCborCodec, type Store } from "@pulsemesh/core";
import { SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { AUDIT_TAIL_MAX, readAuditTail, verifyAudit } from "./audit-reader.ts";
import { sha256 } from "./ports/create-ports.ts";

/** A log as core writes it: each entry names the hash of the one before. */
async function logOf(
  size: number,
): Promise<{ readonly store: Store; readonly disk: SimulatedDisk }> {
  const disk = new SimulatedDisk({ random: () => 0 });
  const store = new SimulatedStore(disk);
  await store.open();
  let previous: Uint8Array = new Uint8Array(32);
  for (let index = 0; index < size; index++) {
    const value = dagCborCodec.encode([index, 1_000 + index, "kind", { index }, previous]);
    previous = sha256(Buffer.concat([previous, value]));
    disk.append([
      { type: "put", key: auditKey(index), value },
      { type: "put", key: AUDIT_HEAD_ROW, value: dagCborCodec.encode([index + 1, previous]) },
    ]);
    disk.sync();
  }
  return { store, disk };
}

const deps = (store: Store) => ({ store, codec: dagCborCodec, hash: { sha256 } });

describe("audit reader", () => {
  test("AU1 the tail is the newest entries, oldest first, and can be walked backwards", async () => {
    const { store } = await logOf(5);
    const indexes = async (options: { limit: number; before?: number }) =>
      (await readAuditTail(deps(store), options)).map((line) => line.index);
    expect(await indexes({ limit: 2 })).toEqual([3, 4]);
    expect(await indexes({ limit: 2, before: 3 })).toEqual([1, 2]);
    expect(await indexes({ limit: 10, before: 0 })).toEqual([]);
    expect(await indexes({ limit: -1 })).toEqual([]);
    const [line] = await readAuditTail(deps(store), { limit: 1 });
    expect(line).toMatchObject({ index: 4, wallMs: 1_004, kind: "kind", data: { index: 4 } });
  });

  test("AU1 a whole log verifies up to its head, an empty one too", async () => {
    const { store } = await logOf(5);
    const [last] = await readAuditTail(deps(store), { limit: 1 });
    expect(await verifyAudit(deps(store))).toEqual({
      ok: true,
      size: 5,
      pruned: 0,
      head: last!.hash,
    });
    expect(await verifyAudit(deps((await logOf(0)).store))).toMatchObject({ ok: true, size: 0 });
  });

  test("AU1 an entry that is missing, edited or corrupt is found by index", async () => {
    const missing = await logOf(5);
    missing.disk.append([{ type: "del", key: auditKey(2) }]);
    expect(await verifyAudit(deps(missing.store))).toMatchObject({
      ok: false,
      badIndex: 2,
      reason: "gap",
    });
    const cut = await logOf(5);
    cut.disk.append([{ type: "del", key: auditKey(4) }]);
    expect(await verifyAudit(deps(cut.store))).toMatchObject({
      ok: false,
      badIndex: 4,
      reason: "truncated",
    });
    const corrupt = await logOf(5);
    corrupt.disk.corruptRow(auditKey(1));
    expect(await verifyAudit(deps(corrupt.store))).toMatchObject({ ok: false, badIndex: 1 });
  });

  test("AU1 AUDIT_TAIL_MAX bounds one answer", async () => {
    const { store } = await logOf(0);
    const limits: (number | undefined)[] = [];
    const scan = store.scan.bind(store);
    store.scan = (range) => {
      limits.push(range.limit);
      return scan(range);
    };
    await readAuditTail(deps(store), { limit: AUDIT_TAIL_MAX + 1 });
    expect(limits).toEqual([AUDIT_TAIL_MAX]);
  });
});
