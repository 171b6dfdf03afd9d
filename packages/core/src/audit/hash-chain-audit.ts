/**
 * The audit log as an append-only hash chain. Memory holds the head and nothing else, however long the log is.
 *
 * Entry and head are one commit, so a crash leaves both or neither. The head row adds nothing that could not be computed from the
 * last entry; it is there so that a tail that was cut from the disk is noticed. Whoever cuts the tail *and* rewrites the head row
 * leaves a log that looks whole: only a neighbour that kept an older head can tell.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { LoadId } from "../input.ts";
import { AUDIT_ENTRY_BYTES_MAX, type AuditHead, type AuditLog } from "./audit-log.ts";
import {
  AUDIT_BASE_ROW,
  AUDIT_HEAD_ROW,
  AUDIT_KIND_LENGTH_MAX,
  AUDIT_ROW_PREFIX,
  auditKey,
  decodeEntry,
  decodeHead,
  emptyHash,
  encodeEntry,
  encodeHead,
  entryHash,
  hex,
} from "./audit-entry.ts";
import { AuditPruning } from "./audit-pruning.ts";
import { RejectThrottle } from "./reject-throttle.ts";

export class HashChainAudit implements AuditLog {
  readonly #env: Env;
  readonly #throttle = new RejectThrottle();
  readonly #pruning: AuditPruning;
  #size = 0;
  #hash: Uint8Array = emptyHash();

  constructor(env: Env) {
    this.#env = env;
    this.#pruning = new AuditPruning(env, (kind, data, now) => this.append(kind, data, now));
  }

  append(kind: string, data: Json, now: Now): number {
    const { codec, hash } = this.#env.ports;
    const index = this.#size;
    const entry = {
      index,
      wallMs: Math.floor(now.wallMs),
      kind: kind.slice(0, AUDIT_KIND_LENGTH_MAX),
      data,
      prevHash: this.#hash,
    };
    const bytes = this.#encodeWithin(entry);
    this.#hash = entryHash(hash, this.#hash, bytes);
    this.#size += 1;
    this.#env.out.persist([
      { type: "put", key: auditKey(index), value: bytes },
      { type: "put", key: AUDIT_HEAD_ROW, value: encodeHead(codec, this.#size, this.#hash) },
    ]);
    this.#pruning.grown(this.#size);
    return index;
  }

  appendReject(reason: string, data: Json, now: Now): number | undefined {
    const suppressed = this.#throttle.admit(reason, now.monoMs);
    return suppressed === undefined
      ? undefined
      : this.append("reject", { reason, suppressed, data }, now);
  }

  head(): AuditHead {
    return { size: this.#size, hash: this.#hash };
  }

  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean, now: Now): void {
    this.#pruning.onLoaded(load, rows, done, now);
  }

  restore(rows: readonly StoreRow[]): void {
    for (const row of rows) {
      if (row.key === AUDIT_BASE_ROW) this.#pruning.restore(row);
      else if (row.key === AUDIT_HEAD_ROW) this.#restoreHead(row);
      else if (row.key.startsWith(AUDIT_ROW_PREFIX)) this.#restoreEntry(row);
    }
  }

  #restoreHead(row: StoreRow): void {
    const head = decodeHead(this.#env.ports.codec, row.value);
    if (head === undefined) {
      this.#env.out.emit({ type: "quarantined", what: row.key, reason: "malformed" });
    } else if (head.size > this.#size) {
      this.#size = head.size;
      this.#hash = head.hash;
    }
  }

  /** An entry beyond the head says that the head row was lost or put back: go on behind it, and never write over it. */
  #restoreEntry(row: StoreRow): void {
    const index = Number(row.key.slice(AUDIT_ROW_PREFIX.length));
    if (!Number.isSafeInteger(index) || index < this.#size) return;
    const entry = decodeEntry(this.#env.ports.codec, row.value);
    if (entry === undefined) {
      this.#env.out.emit({ type: "quarantined", what: row.key, reason: "malformed" });
      return;
    }
    this.#size = index + 1;
    this.#hash = entryHash(this.#env.ports.hash, entry.prevHash, row.value);
  }

  /** Data that is too large, or that nobody can encode, is replaced by what is left to say of it: history must not stop for it. */
  #encodeWithin(entry: Parameters<typeof encodeEntry>[1]): Uint8Array {
    const { codec, hash } = this.#env.ports;
    let bytes: Uint8Array;
    try {
      bytes = encodeEntry(codec, entry);
    } catch {
      return encodeEntry(codec, { ...entry, data: { cut: true, bytes: 0, hash: "" } });
    }
    if (bytes.length <= AUDIT_ENTRY_BYTES_MAX) return bytes;
    const whole = codec.encode(entry.data);
    const data = { cut: true, bytes: whole.length, hash: hex(hash.sha256(whole)) };
    return encodeEntry(codec, { ...entry, data });
  }
}
