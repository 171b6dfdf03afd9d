/**
 * The port that every part of core writes its history to (promise P7). Today a hash chain stands behind it
 * (`hash-chain-audit.ts`); a Merkle tree with checkpoints replaces it without any change to the callers.
 */
import type { StoreRow } from "../driver/store.ts";
import type { LoadId } from "../input.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";

/** Largest entry, encoded; the data of a larger one is replaced by its size and hash (rule AU2). */
export const AUDIT_ENTRY_BYTES_MAX: number = 16 * 1024;

export interface AuditHead {
  /** Entries ever written. */
  readonly size: number;
  /** SHA-256 that chains the last entry to all before it; 32 zero bytes when empty. */
  readonly hash: Uint8Array;
}

export interface AuditLog {
  /** Appends within the commit of the input under way and returns the entry's index. Never throws. */
  append(kind: string, data: Json, now: Now): number;
  /**
   * Appends a reject, at most one a second for each reason; the next one carries the count of those left out.
   * Returns undefined when it was left out.
   */
  appendReject(reason: string, data: Json, now: Now): number | undefined;
  head(): AuditHead;
  /** A page of an answer to a load that the log may have asked for; others are ignored. */
  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean, now: Now): void;
  /** Takes the rows whose key starts with `audit`, in key order; the rows of entries may be left out except the last. */
  restore(rows: readonly StoreRow[]): void;
}
