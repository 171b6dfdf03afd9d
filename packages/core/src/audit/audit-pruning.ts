/**
 * Keeps the audit log within `auditEntriesMax` (promise P6, rule OFF4): the oldest entries go in batches, and where the log begins then
 * stays on disk as `audit-base` = `[index, hash]`, so that what is left can still be verified from its first entry on.
 *
 * The entry that the log will begin with is read from the disk, because it names the hash before it; deleting, the new base and an entry
 * `audit-pruned` that says the same are one commit. So the beginning is vouched for by the chain itself: who cuts the log and writes a base
 * of his own has to forge everything up to the head. Rejected: hashes kept in memory, which a restart forgets; one batch per append, which
 * would write as much again as is logged.
 */
import type { StoreOp, StoreRow } from "../driver/store.ts";
import { Loads } from "../chain/loads.ts";
import type { Env } from "../env.ts";
import type { LoadId } from "../input.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import {
  AUDIT_BASE_ROW,
  AUDIT_PRUNED_KIND,
  AUDIT_ROWS_END,
  auditKey,
  decodeEntry,
  decodeHead,
  encodeHead,
  hex,
} from "./audit-entry.ts";

/** Entries that go at a time: the log may be longer than its limit by as many. */
export const AUDIT_PRUNE_BATCH: number = 500;
/** Rows that are read to find the new first entry: one, unless some are damaged. */
const ROWS_READ = 8;

export class AuditPruning {
  readonly #env: Env;
  readonly #loads: Loads;
  readonly #append: (kind: string, data: Json, now: Now) => void;
  #base = 0;
  #isReading = false;

  /** `append` writes an entry within the commit of the input under way. */
  constructor(env: Env, append: (kind: string, data: Json, now: Now) => void) {
    this.#env = env;
    this.#loads = new Loads(env);
    this.#append = append;
  }

  /** The row of the base; without it, entries are looked for from the first one on. */
  restore(row: StoreRow): void {
    const base = decodeHead(this.#env.ports.codec, row.value);
    if (base === undefined)
      this.#env.out.emit({ type: "quarantined", what: row.key, reason: "malformed" });
    else this.#base = base.size;
  }

  /** The log has grown to `size` entries ever written. */
  grown(size: number): void {
    if (this.#isReading) return;
    if (size - this.#base < this.#env.config.auditEntriesMax + AUDIT_PRUNE_BATCH) return;
    this.#isReading = true;
    const gte = auditKey(this.#base + AUDIT_PRUNE_BATCH);
    this.#loads.request({ gte, lt: AUDIT_ROWS_END, limit: ROWS_READ }, (rows, now) => {
      this.#isReading = false;
      this.#prune(rows, now);
    });
  }

  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean, now: Now): void {
    this.#loads.onLoaded(load, rows, done, now);
  }

  #prune(rows: readonly StoreRow[], now: Now): void {
    const { codec } = this.#env.ports;
    for (const { key, value } of rows) {
      const entry = decodeEntry(codec, value);
      if (entry === undefined || auditKey(entry.index) !== key) continue;
      const { index, prevHash } = entry;
      const ops: StoreOp[] = [];
      // Between the batch and the entry found there is nothing, or nothing that can be read.
      for (let old = this.#base; old < this.#base + AUDIT_PRUNE_BATCH; old++)
        ops.push({ type: "del", key: auditKey(old) });
      for (const row of rows) if (row.key < key) ops.push({ type: "del", key: row.key });
      ops.push({ type: "put", key: AUDIT_BASE_ROW, value: encodeHead(codec, index, prevHash) });
      this.#env.out.persist(ops);
      this.#base = index;
      this.#append(AUDIT_PRUNED_KIND, { below: index, hash: hex(prevHash) }, now);
      return;
    }
  }
}
