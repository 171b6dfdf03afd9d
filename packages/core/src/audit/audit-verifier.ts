/**
 * Checks a log row by row, page by page, in constant memory (rule AU1). Pure: the caller reads the rows, in key order.
 *
 * Finds edits, gaps, rows in the wrong place, and a tail that was cut while the head row was left. It cannot find a tail that was
 * cut together with the head row: nothing on this disk remembers it.
 */
import type { StoreRow } from "../driver/store.ts";
import type { CodecPort, HashPort } from "../ports.ts";
import {
  AUDIT_PRUNED_KIND,
  AUDIT_ROW_PREFIX,
  decodeEntry,
  decodeHead,
  emptyHash,
  entryHash,
  hex,
  sameHash,
} from "./audit-entry.ts";
import { isJsonObject } from "../json.ts";
import type { AuditEntry } from "./audit-entry.ts";

/**
 * Why a log is bad: `encoding` the row is no entry · `gap` the entry is missing · `edited` the entry is not the one that the next one names (or that link itself was changed)
 * · `misplaced` the row holds another entry · `truncated` entries up to the head row are missing · `head-behind` entries follow
 * that the head row does not know · `head` the head row itself is missing or no head · `base` the log does not begin where its entries say.
 */
export type AuditFault =
  | "encoding"
  | "gap"
  | "edited"
  | "misplaced"
  | "truncated"
  | "head-behind"
  | "head"
  | "base";

export type AuditFinding =
  | {
      readonly ok: true;
      /** Entries ever written. */
      readonly size: number;
      /** The oldest of them that were pruned (rule OFF4): what is verified begins behind them. */
      readonly pruned: number;
      readonly head: string;
    }
  | {
      readonly ok: false;
      /** Entries up to the last row, bad, missing and pruned ones included. */
      readonly size: number;
      readonly pruned: number;
      readonly badIndex: number;
      readonly reason: AuditFault;
      /** In the order in which they were met, {@link AUDIT_FAULTS_MAX} at most; the first is `badIndex` and `reason`. */
      readonly faults: readonly AuditFaultRange[];
    };

/** Entries from the first to the last index, both included, that are bad for one reason. */
export interface AuditFaultRange {
  readonly from: number;
  readonly to: number;
  readonly reason: AuditFault;
}

/** Ranges that one finding names at most; the log is read to its end all the same. */
export const AUDIT_FAULTS_MAX: number = 100;

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
 * verifier.begin(await store.get("audit-base"));
 * for await (const row of store.scan({ gte: "audit/", lt: "audit0" })) verifier.add(row);
 * verifier.finish(await store.get("audit-head"));
 */
export class AuditVerifier {
  readonly #codec: CodecPort;
  readonly #hash: HashPort;
  /** The index that the next row should have. */
  #size = 0;
  /** The hash that the next entry must name; undefined behind a row that is no entry or is missing, as nobody knows it then. */
  #head: Uint8Array | undefined = emptyHash();
  readonly #faults: AuditFaultRange[] = [];
  /** Where the log begins, and whether an entry of it says so. */
  #base = 0;
  #baseHash: Uint8Array = emptyHash();
  #isBaseSaid = true;

  constructor(codec: CodecPort, hash: HashPort) {
    this.#codec = codec;
    this.#hash = hash;
  }

  /** First, with the value of the base row; undefined when there is none, so that the log begins with its first entry. */
  begin(baseRow: Uint8Array | undefined): void {
    if (baseRow === undefined) return;
    const base = decodeHead(this.#codec, baseRow);
    if (base === undefined) return this.#note(0, 0, "base");
    this.#base = base.size;
    this.#baseHash = base.hash;
    this.#isBaseSaid = false;
    this.#size = base.size;
    this.#head = base.hash;
  }

  /** Takes the next row. Behind a fault the check begins anew, so that one lost row does not hide what else is wrong. */
  add(row: StoreRow): void {
    const keyIndex = Number(row.key.slice(AUDIT_ROW_PREFIX.length));
    if (
      !row.key.startsWith(AUDIT_ROW_PREFIX) ||
      !Number.isSafeInteger(keyIndex) ||
      keyIndex < this.#size
    ) {
      this.#note(this.#size, this.#size, "misplaced");
      return;
    }
    if (keyIndex > this.#size) {
      this.#note(this.#size, keyIndex - 1, "gap");
      this.#size = keyIndex;
      this.#head = undefined;
    }
    this.#head = this.#hashOf(row);
    this.#size += 1;
  }

  /** Ends with the value of the head row, undefined when there is none. */
  finish(headRow: Uint8Array | undefined): AuditFinding {
    if (!this.#isBaseSaid) this.#note(this.#base, this.#base, "base");
    this.#checkHead(headRow);
    const pruned = this.#base;
    const [first] = this.#faults;
    if (first !== undefined) {
      const { from: badIndex, reason } = first;
      return { ok: false, size: this.#size, pruned, badIndex, reason, faults: this.#faults };
    }
    return { ok: true, size: this.#size, pruned, head: hex(this.#head ?? emptyHash()) };
  }

  /** Checks the row that stands where it should; undefined when it is not the entry of that place. */
  #hashOf(row: StoreRow): Uint8Array | undefined {
    const index = this.#size;
    const entry = decodeEntry(this.#codec, row.value);
    if (entry === undefined || entry.index !== index) {
      this.#note(index, index, entry === undefined ? "encoding" : "misplaced");
      return undefined;
    }
    if (this.#head !== undefined && !sameHash(entry.prevHash, this.#head)) {
      // The hash of the entry before is what this one names, so that one was changed afterwards; the first one has none before it.
      const edited = Math.max(0, index - 1);
      if (index === this.#base && index > 0) this.#note(index, index, "base");
      else this.#note(edited, edited, "edited");
    }
    if (entry.kind === AUDIT_PRUNED_KIND && this.#saysBase(entry)) this.#isBaseSaid = true;
    return entryHash(this.#hash, entry.prevHash, row.value);
  }

  #saysBase({ data }: AuditEntry): boolean {
    return (
      isJsonObject(data) && data["below"] === this.#base && data["hash"] === hex(this.#baseHash)
    );
  }

  #checkHead(headRow: Uint8Array | undefined): void {
    const last = Math.max(0, this.#size - 1);
    if (headRow === undefined) {
      if (this.#size > 0) this.#note(last, last, "head");
      return;
    }
    const head = decodeHead(this.#codec, headRow);
    if (head === undefined) this.#note(last, last, "head");
    else if (head.size > this.#size) this.#note(this.#size, head.size - 1, "truncated");
    else if (head.size < this.#size) this.#note(head.size, last, "head-behind");
    else if (this.#head !== undefined && !sameHash(head.hash, this.#head)) {
      this.#note(last, last, "edited");
    }
  }

  #note(from: number, to: number, reason: AuditFault): void {
    const last = this.#faults.at(-1);
    if (last !== undefined && last.reason === reason && last.to + 1 === from) {
      this.#faults[this.#faults.length - 1] = { from: last.from, to, reason };
    } else if (this.#faults.length < AUDIT_FAULTS_MAX) {
      this.#faults.push({ from, to, reason });
    }
  }
}
