/**
 * Checks a log row by row, page by page, in constant memory (rule AU1). Pure: the caller reads the rows, in key order.
 *
 * Finds edits, gaps, rows in the wrong place, and a tail that was cut while the head row was left. It cannot find a tail that was
 * cut together with the head row: nothing on this disk remembers it.
 */
import type { StoreRow } from "../driver/store.ts";
import type { CodecPort, HashPort } from "../ports.ts";
import {
  AUDIT_ROW_PREFIX,
  decodeEntry,
  decodeHead,
  emptyHash,
  entryHash,
  hex,
  sameHash,
} from "./audit-entry.ts";
import type { AuditEntry } from "./audit-entry.ts";

/**
 * Why a log is bad: `encoding` the row is no entry · `gap` the entry is missing · `edited` the entry is not the one that the next one names (or that link itself was changed)
 * · `misplaced` the row holds another entry · `truncated` entries up to the head row are missing · `head-behind` entries follow
 * that the head row does not know · `head` the head row itself is missing or no head.
 */
export type AuditFault =
  | "encoding"
  | "gap"
  | "edited"
  | "misplaced"
  | "truncated"
  | "head-behind"
  | "head";

export type AuditFinding =
  | { readonly ok: true; readonly size: number; readonly head: string }
  | {
      readonly ok: false;
      readonly size: number;
      readonly badIndex: number;
      readonly reason: AuditFault;
    };

/** An entry that was read, with the hash that chains it. */
export interface AuditEntryRead {
  readonly entry: AuditEntry;
  /** Lower-case hex. */
  readonly hash: string;
}

/** Reads one row for display, unverified; undefined when it is no entry. */
export function readAuditRow(
  codec: CodecPort,
  hash: HashPort,
  row: StoreRow,
): AuditEntryRead | undefined {
  const entry = decodeEntry(codec, row.value);
  return entry === undefined
    ? undefined
    : { entry, hash: hex(entryHash(hash, entry.prevHash, row.value)) };
}

/**
 * @example
 * const verifier = new AuditVerifier(codec, hash);
 * for await (const row of store.scan({ gte: "audit/", lt: "audit0" })) if (!verifier.add(row)) break;
 * verifier.finish(await store.get("audit-head"));
 */
export class AuditVerifier {
  readonly #codec: CodecPort;
  readonly #hash: HashPort;
  #size = 0;
  #head: Uint8Array = emptyHash();
  #fault: { readonly badIndex: number; readonly reason: AuditFault } | undefined;

  constructor(codec: CodecPort, hash: HashPort) {
    this.#codec = codec;
    this.#hash = hash;
  }

  /** Takes the next row; false once a fault is known, then further rows change nothing. */
  add(row: StoreRow): boolean {
    this.#fault ??= this.#faultOf(row);
    return this.#fault === undefined;
  }

  /** Ends with the value of the head row, undefined when there is none. */
  finish(headRow: Uint8Array | undefined): AuditFinding {
    const fault = this.#fault ?? this.#headFault(headRow);
    if (fault !== undefined) return { ok: false, size: this.#size, ...fault };
    return { ok: true, size: this.#size, head: hex(this.#head) };
  }

  #faultOf(row: StoreRow): { readonly badIndex: number; readonly reason: AuditFault } | undefined {
    const expected = this.#size;
    const keyIndex = Number(row.key.slice(AUDIT_ROW_PREFIX.length));
    if (
      !row.key.startsWith(AUDIT_ROW_PREFIX) ||
      !Number.isSafeInteger(keyIndex) ||
      keyIndex < expected
    ) {
      return { badIndex: expected, reason: "misplaced" };
    }
    if (keyIndex > expected) return { badIndex: expected, reason: "gap" };
    const entry = decodeEntry(this.#codec, row.value);
    if (entry === undefined) return { badIndex: expected, reason: "encoding" };
    if (entry.index !== expected) return { badIndex: expected, reason: "misplaced" };
    if (!sameHash(entry.prevHash, this.#head)) {
      // The hash of the entry before is what this one names, so that one was changed afterwards; the first one has none before it.
      return { badIndex: Math.max(0, expected - 1), reason: "edited" };
    }
    this.#head = entryHash(this.#hash, entry.prevHash, row.value);
    this.#size += 1;
    return undefined;
  }

  #headFault(
    headRow: Uint8Array | undefined,
  ): { readonly badIndex: number; readonly reason: AuditFault } | undefined {
    if (headRow === undefined)
      return this.#size === 0 ? undefined : { badIndex: this.#size - 1, reason: "head" };
    const head = decodeHead(this.#codec, headRow);
    if (head === undefined) return { badIndex: Math.max(0, this.#size - 1), reason: "head" };
    if (head.size > this.#size) return { badIndex: this.#size, reason: "truncated" };
    if (head.size < this.#size) return { badIndex: head.size, reason: "head-behind" };
    return sameHash(head.hash, this.#head)
      ? undefined
      : { badIndex: Math.max(0, this.#size - 1), reason: "edited" };
  }
}
