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
  type AuditEntry,
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
    this.#read(auditKey(this.#base + AUDIT_PRUNE_BATCH));
  }

  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean, now: Now): void {
    this.#loads.onLoaded(load, rows, done, now);
  }

  #read(gte: string): void {
    this.#loads.request({ gte, lt: AUDIT_ROWS_END, limit: ROWS_READ }, (rows, now) => {
      const first = this.#firstOf(rows);
      const last = rows.at(-1);
      if (first === undefined && last !== undefined) {
        // Nothing of this can be read; it goes, or the log would grow behind it for ever.
        this.#env.out.persist(rows.map(({ key }) => ({ type: "del", key })));
        return this.#read(`${last.key}!`);
      }
      this.#isReading = false;
      if (first === undefined) return;
      const unreadable = rows.filter(({ key }) => key < auditKey(first.index));
      this.#prune(first, unreadable, now);
    });
  }

  /** The first of these rows that is an entry. */
  #firstOf(rows: readonly StoreRow[]): AuditEntry | undefined {
    for (const { key, value } of rows) {
      const entry = decodeEntry(this.#env.ports.codec, value);
      if (entry !== undefined && auditKey(entry.index) === key) return entry;
    }
    return undefined;
  }

  #prune({ index, prevHash }: AuditEntry, unreadable: readonly StoreRow[], now: Now): void {
    const ops: StoreOp[] = [];
    const end = this.#base + AUDIT_PRUNE_BATCH;
    for (let old = this.#base; old < end; old++) ops.push({ type: "del", key: auditKey(old) });
    for (const { key } of unreadable) ops.push({ type: "del", key });
    const value = encodeHead(this.#env.ports.codec, index, prevHash);
    ops.push({ type: "put", key: AUDIT_BASE_ROW, value });
    this.#env.out.persist(ops);
    this.#base = index;
    // What should have been kept and was not there: else whoever cuts a log and takes its base away would have the cut vouched for here.
    const missing = index > end ? { missing: index - end } : {};
    this.#append(AUDIT_PRUNED_KIND, { below: index, hash: hex(prevHash), ...missing }, now);
  }
}
