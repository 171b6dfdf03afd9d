import { createHash } from "node:crypto";
import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { Json } from "../json.ts";
import { Outbox } from "../outbox.ts";
import type { Ports } from "../ports.ts";
import {
  AUDIT_HEAD_ROW,
  AUDIT_KIND_LENGTH_MAX,
  AUDIT_ROW_PREFIX,
  auditKey,
  decodeEntry,
  encodeEntry,
  hex,
} from "./audit-entry.ts";
import { AUDIT_ENTRY_BYTES_MAX } from "./audit-log.ts";
import {
  AUDIT_FAULTS_MAX,
  AuditVerifier,
  readAuditRow,
  type AuditFinding,
} from "./audit-verifier.ts";
import { HashChainAudit } from "./hash-chain-audit.ts";
import { REJECT_REASONS_MAX } from "./reject-throttle.ts";

const codec = {
  encode: (value: unknown) => dagCbor.encode(value),
  decode: (bytes: Uint8Array) => dagCbor.decode<unknown>(bytes),
};
const hash = {
  sha256: (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest()),
};
const NOW = { monoMs: 10_000, wallMs: 1_800_000_000_000 };

/** A log on a virtual disk. */
class Disk {
  readonly rows = new Map<string, Uint8Array>();
  readonly commits: number[] = [];
  readonly events: string[] = [];
  readonly out = new Outbox();
  log: HashChainAudit = this.open();

  open(): HashChainAudit {
    const ports = { codec, hash } as unknown as Ports;
    const identity = { fleet: "f", self: "n", name: "n", region: "r", agent: "t" };
    const env: Env = { identity, config: coreConfig(), ports, out: this.out };
    this.log = new HashChainAudit(env);
    this.log.restore(this.sorted());
    this.flush();
    return this.log;
  }

  append(kind: string, data: Json): void {
    this.log.append(kind, data, NOW);
    this.flush();
  }

  sorted(): readonly StoreRow[] {
    return [...this.rows]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }));
  }

  entries(): readonly StoreRow[] {
    return this.sorted().filter((row) => row.key.startsWith(AUDIT_ROW_PREFIX));
  }

  verify(): AuditFinding {
    const verifier = new AuditVerifier(codec, hash);
    for (const row of this.entries()) verifier.add(row);
    return verifier.finish(this.rows.get(AUDIT_HEAD_ROW));
  }

  flush(): void {
    for (const effect of this.out.drain()) {
      if (effect.type === "persist") {
        this.commits.push(effect.ops.length);
        for (const op of effect.ops) if (op.type === "put") this.rows.set(op.key, op.value);
      } else if (effect.type === "emit") {
        this.events.push(effect.event.type);
      }
    }
  }
}

function diskWith(entries: number): Disk {
  const disk = new Disk();
  for (let at = 0; at < entries; at += 1) disk.append("test", { at });
  return disk;
}

describe("HashChainAudit", () => {
  test("AU1 an entry and the head are one commit, and the hash covers everything before", () => {
    const disk = diskWith(3);
    expect(disk.commits).toEqual([2, 2, 2]);
    let head = new Uint8Array(32);
    for (const row of disk.entries()) head = hash.sha256(new Uint8Array([...head, ...row.value]));
    expect(disk.log.head()).toEqual({ size: 3, hash: head });
    expect(disk.verify()).toEqual({ ok: true, size: 3, pruned: 0, head: hex(head) });
  });

  test("AU1 P5 after a restart the log goes on where it was, from the head row or from the last entry alone", () => {
    const disk = diskWith(3);
    disk.open();
    disk.append("test", { at: 3 });
    disk.rows.delete(AUDIT_HEAD_ROW);
    disk.open();
    disk.append("test", { at: 4 });
    expect(disk.verify()).toMatchObject({ ok: true, size: 5 });
  });

  test("AU1 a head row that was put back makes nothing be written over, and a damaged one is reported", () => {
    const disk = diskWith(3);
    const old = disk.rows.get(AUDIT_HEAD_ROW) as Uint8Array;
    disk.append("test", { at: 3 });
    disk.rows.set(AUDIT_HEAD_ROW, old);
    expect(disk.open().head().size).toBe(4);
    disk.append("test", { at: 4 });
    expect(disk.verify()).toMatchObject({ ok: true, size: 5 });
    disk.rows.set(AUDIT_HEAD_ROW, new Uint8Array([0xff]));
    expect(disk.open().head().size).toBe(5);
    expect(disk.events).toEqual(["quarantined"]);
  });

  test("AU2 P6 AUDIT_ENTRY_BYTES_MAX bounds an entry: larger data is replaced by its size and hash", () => {
    const disk = new Disk();
    disk.append("test", "x".repeat(AUDIT_ENTRY_BYTES_MAX - 100));
    disk.append("test", { text: "x".repeat(AUDIT_ENTRY_BYTES_MAX) });
    const [first, second] = disk.entries();
    expect(first?.value.length).toBeGreaterThan(AUDIT_ENTRY_BYTES_MAX - 100);
    const data = codec.encode({ text: "x".repeat(AUDIT_ENTRY_BYTES_MAX) });
    expect(decodeEntry(codec, second?.value as Uint8Array)?.data).toEqual({
      cut: true,
      bytes: data.length,
      hash: hex(hash.sha256(data)),
    });
    expect(disk.verify().ok).toBe(true);
  });

  test("AU2 data that cannot be encoded, and a kind beyond AUDIT_KIND_LENGTH_MAX, do not stop the log", () => {
    const disk = new Disk();
    disk.append("k".repeat(AUDIT_KIND_LENGTH_MAX + 10), Number.NaN);
    disk.append("test", { inner: undefined as unknown as Json });
    expect(disk.verify()).toMatchObject({ ok: true, size: 2 });
    expect(readAuditRow(codec, hash, disk.entries()[0] as StoreRow)?.entry.kind.length).toBe(
      AUDIT_KIND_LENGTH_MAX,
    );
  });

  test("AU P6 rejects are written once a second for each reason, with the count of those between, for at most REJECT_REASONS_MAX reasons", () => {
    const disk = new Disk();
    const at = (monoMs: number, reason = "gate"): number | undefined =>
      disk.log.appendReject(reason, {}, { ...NOW, monoMs });
    expect([at(0), at(1), at(999), at(5, "rate"), at(1_000), at(1_001)]).toEqual([
      0,
      undefined,
      undefined,
      1,
      2,
      undefined,
    ]);
    disk.flush();
    expect(decodeEntry(codec, disk.entries()[2]?.value as Uint8Array)?.data).toEqual({
      reason: "gate",
      suppressed: 2,
      data: {},
    });
    let written = 0;
    for (let reason = 0; reason < 1_000; reason += 1)
      written += at(2_000, `r${reason}`) === undefined ? 0 : 1;
    expect(written).toBe(REJECT_REASONS_MAX - 2 + 1);
  });
});

describe("AuditVerifier", () => {
  const damage: readonly [string, (disk: Disk) => void, number, string][] = [
    [
      "an edited entry",
      (disk) => edit(disk, 2, (entry) => ({ ...entry, data: { at: 99 } })),
      2,
      "edited",
    ],
    [
      "an edited first entry",
      (disk) => edit(disk, 0, (entry) => ({ ...entry, kind: "other" })),
      0,
      "edited",
    ],
    [
      "an edited last entry",
      (disk) => edit(disk, 4, (entry) => ({ ...entry, wallMs: 1 })),
      4,
      "edited",
    ],
    ["a missing entry", (disk) => disk.rows.delete(auditKey(2)), 2, "gap"],
    ["a missing first entry", (disk) => disk.rows.delete(auditKey(0)), 0, "gap"],
    ["a cut tail under the head row", (disk) => disk.rows.delete(auditKey(4)), 4, "truncated"],
    [
      "garbage for an entry",
      (disk) => disk.rows.set(auditKey(3), new Uint8Array([0xff, 0])),
      3,
      "encoding",
    ],
    ["an entry in another's place", (disk) => swap(disk, 1, 3), 1, "misplaced"],
    [
      "a foreign key",
      (disk) => disk.rows.set("audit/0000000000x", new Uint8Array()),
      5,
      "misplaced",
    ],
    ["a missing head row", (disk) => disk.rows.delete(AUDIT_HEAD_ROW), 4, "head"],
    ["a damaged head row", (disk) => disk.rows.set(AUDIT_HEAD_ROW, new Uint8Array([1])), 4, "head"],
    [
      "a head row put back",
      (disk) => disk.rows.set(AUDIT_HEAD_ROW, diskWith(3).rows.get(AUDIT_HEAD_ROW) as Uint8Array),
      3,
      "head-behind",
    ],
  ];
  test.each(damage)("P7 AU1 finds %s", (_, harm, badIndex, reason) => {
    const disk = diskWith(5);
    harm(disk);
    expect(disk.verify()).toMatchObject({ ok: false, badIndex, reason });
  });

  test("P7 AU1 an edit that is carried through to the end, without the head row, is found there", () => {
    const disk = diskWith(5);
    const before = disk.verify();
    rewrite(disk, 2);
    expect(before.ok).toBe(true);
    expect(disk.verify()).toMatchObject({ ok: false, badIndex: 4, reason: "edited" });
  });

  test("P7 AU1 a log that is rewritten from some entry on, or whose tail is cut, together with its head row looks whole: that takes a neighbour", () => {
    const rewritten = diskWith(5);
    const head = rewrite(rewritten, 2);
    rewritten.rows.set(AUDIT_HEAD_ROW, codec.encode([5, head]));
    expect(rewritten.verify()).toMatchObject({ ok: true, size: 5, head: hex(head) });
    expect(rewritten.verify()).not.toEqual(diskWith(5).verify());

    const cut = diskWith(5);
    for (const row of cut.entries().slice(3)) cut.rows.delete(row.key);
    cut.rows.set(AUDIT_HEAD_ROW, diskWith(3).rows.get(AUDIT_HEAD_ROW) as Uint8Array);
    expect(cut.verify()).toMatchObject({ ok: true, size: 3 });
  });

  test("AU1 an empty log is whole, and the first fault is named first whatever follows", () => {
    expect(new Disk().verify()).toEqual({
      ok: true,
      size: 0,
      pruned: 0,
      head: "00".repeat(32),
    });
    const verifier = new AuditVerifier(codec, hash);
    verifier.add({ key: auditKey(7), value: new Uint8Array() });
    verifier.add({ key: auditKey(0), value: new Uint8Array() });
    expect(verifier.finish(undefined)).toMatchObject({
      ok: false,
      size: 8,
      badIndex: 0,
      reason: "gap",
      faults: [{ from: 0, to: 6 }, { from: 7, to: 7, reason: "encoding" }, {}, { reason: "head" }],
    });
  });

  test("AU1 behind a fault the check goes on: every range is named, and the size is that of the log as it is", () => {
    const disk = diskWith(20);
    for (const at of [3, 4, 5]) disk.rows.delete(auditKey(at));
    edit(disk, 10, (entry) => ({ ...entry, data: { at: 99 } }));
    for (const at of [15, 16]) disk.rows.set(auditKey(at), new Uint8Array([0xff, 0]));
    expect(disk.verify()).toEqual({
      ok: false,
      size: 20,
      pruned: 0,
      badIndex: 3,
      reason: "gap",
      faults: [
        { from: 3, to: 5, reason: "gap" },
        { from: 10, to: 10, reason: "edited" },
        { from: 15, to: 16, reason: "encoding" },
      ],
    });
  });

  test("AU1 AUDIT_FAULTS_MAX bounds the ranges that are named, not what is read", () => {
    const disk = diskWith(2 * AUDIT_FAULTS_MAX + 20);
    for (let at = 0; at < AUDIT_FAULTS_MAX + 5; at += 1) disk.rows.delete(auditKey(2 * at + 1));
    const found = disk.verify();
    expect(found).toMatchObject({ ok: false, size: 2 * AUDIT_FAULTS_MAX + 20 });
    expect(found.ok || found.faults.length).toBe(AUDIT_FAULTS_MAX);
  });

  test("AU1 any single flipped bit in any row is found", () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(), fc.nat(7), (at, byte, bit) => {
        const disk = diskWith(5);
        const row = disk.sorted()[at] as StoreRow;
        const value = Uint8Array.from(row.value);
        const place = byte % value.length;
        value[place] = (value[place] as number) ^ (1 << bit);
        disk.rows.set(row.key, value);
        expect(disk.verify().ok).toBe(false);
      }),
      { numRuns: 400 },
    );
  });
});

type Entry = NonNullable<ReturnType<typeof decodeEntry>>;

function edit(disk: Disk, index: number, change: (entry: Entry) => Entry): void {
  const entry = decodeEntry(codec, disk.rows.get(auditKey(index)) as Uint8Array) as Entry;
  disk.rows.set(auditKey(index), encodeEntry(codec, change(entry)));
}

/** Changes the entry at `from` and every later one so that each names the hash of the one before; answers the new last hash. */
function rewrite(disk: Disk, from: number): Uint8Array {
  edit(disk, from, (entry) => ({ ...entry, data: { at: 99 } }));
  let last: Uint8Array = new Uint8Array(32);
  disk.entries().forEach(({ key }, index) => {
    if (index > from) edit(disk, index, (entry) => ({ ...entry, prevHash: last }));
    last = hash.sha256(Buffer.concat([last, disk.rows.get(key) as Uint8Array]));
  });
  return last;
}

function swap(disk: Disk, a: number, b: number): void {
  const [rowA, rowB] = [
    disk.rows.get(auditKey(a)) as Uint8Array,
    disk.rows.get(auditKey(b)) as Uint8Array,
  ];
  disk.rows.set(auditKey(a), rowB);
  disk.rows.set(auditKey(b), rowA);
}
