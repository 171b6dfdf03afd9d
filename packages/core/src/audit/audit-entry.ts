/**
 * One entry of the audit log on disk: row `audit/<index, 12 digits>` holds dag-cbor `[index, wallMs, kind, data, prevHash]`,
 * and its hash is `sha256(prevHash || row bytes)`. So each hash covers everything before it, and the row alone gives its own.
 */
import type { Json } from "../json.ts";
import type { CodecPort, HashPort } from "../ports.ts";
import { isBytes, isIntegerIn, isTextUpTo } from "../wire/fields.ts";

/** Keys of entries start with this. */
export const AUDIT_ROW_PREFIX: string = "audit/";
/** Row of the head: dag-cbor `[size, hash]`, written in the commit of every entry. */
export const AUDIT_HEAD_ROW: string = "audit-head";
/** Row of where the log begins once its oldest entries were pruned: dag-cbor `[index, hash before it]` (rule OFF4). */
export const AUDIT_BASE_ROW: string = "audit-base";
/** Keys of entries are below this. */
export const AUDIT_ROWS_END: string = "audit0";
/** The entry that says where the log begins from now on: `{below: index, hash: hex}`. */
export const AUDIT_PRUNED_KIND: string = "audit-pruned";
/** Longest kind of an entry, in characters. */
export const AUDIT_KIND_LENGTH_MAX: number = 64;

const INDEX_DIGITS = 12;
const HASH_BYTES = 32;

export interface AuditEntry {
  readonly index: number;
  readonly wallMs: number;
  readonly kind: string;
  readonly data: Json;
  readonly prevHash: Uint8Array;
}

/** The hash before the first entry. */
export function emptyHash(): Uint8Array {
  return new Uint8Array(HASH_BYTES);
}

export function auditKey(index: number): string {
  return AUDIT_ROW_PREFIX + String(index).padStart(INDEX_DIGITS, "0");
}

export function encodeEntry(codec: CodecPort, entry: AuditEntry): Uint8Array {
  return codec.encode([entry.index, entry.wallMs, entry.kind, entry.data, entry.prevHash]);
}

/** Reads one row; undefined when it is no entry. */
export function decodeEntry(codec: CodecPort, bytes: Uint8Array): AuditEntry | undefined {
  const value = decoded(codec, bytes);
  if (!Array.isArray(value) || value.length !== 5) return undefined;
  const [index, wallMs, kind, data, prevHash] = value as readonly unknown[];
  const wellFormed =
    isIntegerIn(index, 0, Number.MAX_SAFE_INTEGER) &&
    typeof wallMs === "number" &&
    isTextUpTo(kind, AUDIT_KIND_LENGTH_MAX) &&
    isHash(prevHash);
  return wellFormed ? { index, wallMs, kind, data: data as Json, prevHash } : undefined;
}

export function encodeHead(codec: CodecPort, size: number, hash: Uint8Array): Uint8Array {
  return codec.encode([size, hash]);
}

export function decodeHead(
  codec: CodecPort,
  bytes: Uint8Array,
): { readonly size: number; readonly hash: Uint8Array } | undefined {
  const value = decoded(codec, bytes);
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [size, hash] = value as readonly unknown[];
  return isIntegerIn(size, 0, Number.MAX_SAFE_INTEGER) && isHash(hash) ? { size, hash } : undefined;
}

/** The hash that chains an entry to all before it. */
export function entryHash(hash: HashPort, prevHash: Uint8Array, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(prevHash.length + bytes.length);
  all.set(prevHash, 0);
  all.set(bytes, prevHash.length);
  return hash.sha256(all);
}

export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

function isHash(value: unknown): value is Uint8Array {
  return isBytes(value) && value.length === HASH_BYTES;
}

function decoded(codec: CodecPort, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch {
    return undefined;
  }
}
