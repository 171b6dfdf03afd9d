/**
 * What two nodes say on channel `sync` (rule CH6), as dag-cbor arrays, each within one frame.
 *
 * - `["digest", [[document, digest], …], parts]` opens a comparison; equal digests are answered by `["same"]`. `parts` = 64 says that its sender
 * compares by parts (rule CH9).
 * - `["shards", [[document, digests of its parts], …]]` answers it where a document that differs is large; it is answered by vectors of the parts that differ.
 * - `["vector", document, [[author, [epoch, seq, hash], fork hash | null, newest snapshot's [epoch, seq, hash] | null], …], last, first, parts?]` everything durable, or that of some parts (a bit each), paged; both sides send theirs.
 * - `["want", [["e", document, author, epoch, fromSeq] | ["p", hash], …]]` asks; one is outstanding per peer, so the asker sets the pace.
 * - `["have", [entry, …], [part, …], more]` answers with at most one frame; `more` says that it did not get through the list.
 * - `["statements", digest]` opens the comparison of what is held of the fleet's authority (`statement-exchange.ts`);
 * `["statement-ids", [id, …], last, first]` names it, paged, and where `first` asks for the receiver's own; `["statement-want", [id, …]]` asks, and
 * `["statement-have", [token, …]]` answers with at most one frame.
 * A vector that begins (`first`) without the receiver having sent its own is answered by the receiver's.
 */
import type { Env } from "../env.ts";
import { SYNC_FRAME_BYTES_MAX } from "../driver/transport.ts";
import { DOCUMENTS, type DocumentName, type HashHex, type NodeId } from "../ids.ts";
import { STATEMENT_LENGTH_MAX } from "../authority/limits.ts";
import { encodeVectorItem, type VectorItem } from "../chain/chain-index.ts";
import { decodePlace, isHash } from "../chain/entry.ts";
import { ENTRY_BYTES_MAX, EPOCH_MAX, PART_BYTES_MAX, SEQ_MAX } from "../chain/limits.ts";
import { isBytes, isIntegerIn, isTextUpTo } from "../wire/fields.ts";
import { NODE_ID_LENGTH_MAX } from "../wire/envelope.ts";
import { fromHex, toHex } from "../wire/hex.ts";
import {
  decodeShardSet,
  encodeShardSet,
  SHARD_DIGESTS_BYTES,
  SHARDS,
  type ShardSet,
} from "./shards.ts";

/** Items in one vector page. */
export const VECTOR_PAGE_MAX: number = 1_500;
/** Items in one want. */
export const WANT_ITEMS_MAX: number = 256;
/** Statements of the authority that one message names, and that one asks for: what a hostile peer can make this node verify for nothing. */
export const STATEMENT_IDS_PAGE_MAX: number = 4_096;
export const STATEMENT_WANT_MAX: number = 64;
/** A want that was not answered in this time is given up; the next round begins anew. */
export const WANT_TIMEOUT_MS: number = 10_000;
/** Entries and parts in one answer. */
export const HAVE_ITEMS_MAX: number = 4_096;

export type WantItem =
  | {
      readonly type: "entries";
      readonly document: DocumentName;
      readonly author: NodeId;
      readonly epoch: number;
      readonly fromSeq: number;
    }
  | { readonly type: "part"; readonly hash: HashHex };

/** About the fleet's authority. */
export type StatementMessage =
  | { readonly type: "statements"; readonly digest: HashHex }
  | {
      readonly type: "statement-ids";
      readonly ids: readonly HashHex[];
      readonly last: boolean;
      readonly first: boolean;
    }
  | { readonly type: "statement-want"; readonly ids: readonly HashHex[] }
  | { readonly type: "statement-have"; readonly tokens: readonly string[] };

/** Of each document one digest, or those of its parts behind one another. */
export type Digests = ReadonlyMap<DocumentName, Uint8Array>;

export type SyncMessage =
  | StatementMessage
  | {
      readonly type: "digest";
      readonly digests: Digests;
      /** Its sender compares by parts. @default false */
      readonly byShards?: boolean | undefined;
    }
  | { readonly type: "shards"; readonly digests: Digests }
  | { readonly type: "same" }
  | {
      readonly type: "vector";
      readonly document: DocumentName;
      readonly items: readonly VectorItem[];
      readonly first: boolean;
      readonly last: boolean;
      /** Of which parts alone. @default all */
      readonly shards?: ShardSet | undefined;
    }
  | { readonly type: "want"; readonly items: readonly WantItem[] }
  | {
      readonly type: "have";
      readonly entries: readonly Uint8Array[];
      readonly parts: readonly Uint8Array[];
      readonly more: boolean;
    };

export function encodeSync(env: Env, message: SyncMessage): Uint8Array {
  return env.ports.codec.encode(toWire(message));
}

/** Undefined for anything that is not one well-formed message; never throws. */
export function decodeSync(env: Env, bytes: Uint8Array): SyncMessage | undefined {
  if (bytes.length > SYNC_FRAME_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = env.ports.codec.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [type, ...rest] = value as readonly unknown[];
  switch (type) {
    case "digest":
      return decodeDigest(rest);
    case "shards":
      return decodeShards(rest);
    case "same":
      return { type };
    case "vector":
      return decodeVector(rest);
    case "want":
      return decodeWant(rest);
    case "have":
      return decodeHave(rest);
    case "statements":
      return isHash(rest[0]) ? { type, digest: toHex(rest[0]) } : undefined;
    case "statement-ids":
      return decodeIds(rest);
    case "statement-want":
      return decodeStatementWant(rest);
    case "statement-have":
      return decodeStatementHave(rest);
    default:
      return undefined;
  }
}

function toWire(message: SyncMessage): readonly unknown[] {
  switch (message.type) {
    case "digest":
      return ["digest", [...message.digests], ...(message.byShards === true ? [SHARDS] : [])];
    case "shards":
      return ["shards", [...message.digests]];
    case "same":
      return ["same"];
    case "vector":
      return [
        "vector",
        message.document,
        message.items.map(encodeVectorItem),
        message.last,
        message.first,
        ...(message.shards === undefined ? [] : [encodeShardSet(message.shards)]),
      ];
    case "want":
      return ["want", message.items.map(wantToWire)];
    case "have":
      return ["have", message.entries, message.parts, message.more];
    case "statements":
      return [message.type, fromHex(message.digest)];
    case "statement-ids":
      return [message.type, message.ids.map(fromHex), message.last, message.first];
    case "statement-want":
      return [message.type, message.ids.map(fromHex)];
    case "statement-have":
      return [message.type, message.tokens];
  }
}

function wantToWire(item: WantItem): readonly unknown[] {
  if (item.type === "part") return ["p", fromHex(item.hash)];
  return ["e", item.document, item.author, item.epoch, item.fromSeq];
}

function isDocument(value: unknown): value is DocumentName {
  return DOCUMENTS.includes(value as DocumentName);
}

function decodeDigest([rows, parts]: readonly unknown[]): SyncMessage | undefined {
  const digests = decodeDigests(rows, isHash);
  if (digests === undefined) return undefined;
  // Another number of parts is of a later version, and compared as a whole.
  return { type: "digest", digests, byShards: parts === SHARDS ? true : undefined };
}

function decodeShards([rows]: readonly unknown[]): SyncMessage | undefined {
  const isShards = (value: unknown): value is Uint8Array =>
    isBytes(value) && value.length === SHARD_DIGESTS_BYTES;
  const digests = decodeDigests(rows, isShards);
  return digests === undefined ? undefined : { type: "shards", digests };
}

function decodeDigests(
  rows: unknown,
  isDigest: (value: unknown) => value is Uint8Array,
): Digests | undefined {
  if (!Array.isArray(rows) || rows.length > 16) return undefined;
  const digests = new Map<DocumentName, Uint8Array>();
  for (const row of rows as readonly unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [name, digest] = row as readonly unknown[];
    if (!isDigest(digest)) return undefined;
    if (isDocument(name)) digests.set(name, digest);
  }
  return digests;
}

function decodeVector([document, rows, last, first, parts]: readonly unknown[]):
  | SyncMessage
  | undefined {
  if (!isDocument(document) || typeof last !== "boolean" || typeof first !== "boolean")
    return undefined;
  const shards = parts === undefined ? undefined : decodeShardSet(parts);
  if (parts !== undefined && shards === undefined) return undefined;
  if (!Array.isArray(rows) || rows.length > VECTOR_PAGE_MAX) return undefined;
  const items: VectorItem[] = [];
  for (const row of rows as readonly unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [author, rawPlace, fork, rawOpening = null] = row as readonly unknown[];
    const place = decodePlace(rawPlace);
    if (!isTextUpTo(author, NODE_ID_LENGTH_MAX) || place === undefined) return undefined;
    if (fork !== null && !isHash(fork)) return undefined;
    const opening = rawOpening === null ? undefined : decodePlace(rawOpening);
    if (rawOpening !== null && opening === undefined) return undefined;
    items.push({ author, place, forkHash: fork === null ? undefined : toHex(fork), opening });
  }
  return { type: "vector", document, items, last, first, shards };
}

function decodeWant([rows]: readonly unknown[]): SyncMessage | undefined {
  if (!Array.isArray(rows) || rows.length > WANT_ITEMS_MAX) return undefined;
  const items: WantItem[] = [];
  for (const row of rows as readonly unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [type, first, author, epoch, fromSeq] = row as readonly unknown[];
    if (type === "p" && isHash(first)) {
      items.push({ type: "part", hash: toHex(first) });
    } else {
      const valid =
        type === "e" &&
        isDocument(first) &&
        isTextUpTo(author, NODE_ID_LENGTH_MAX) &&
        isIntegerIn(epoch, 1, EPOCH_MAX) &&
        isIntegerIn(fromSeq, 0, SEQ_MAX);
      if (!valid) return undefined;
      items.push({ type: "entries", document: first, author, epoch, fromSeq });
    }
  }
  return { type: "want", items };
}

function decodeHave([entries, parts, more]: readonly unknown[]): SyncMessage | undefined {
  if (
    !isBlobs(entries, ENTRY_BYTES_MAX) ||
    !isBlobs(parts, PART_BYTES_MAX) ||
    typeof more !== "boolean"
  )
    return undefined;
  return { type: "have", entries, parts, more };
}

function isBlobs(value: unknown, bytesMax: number): value is readonly Uint8Array[] {
  if (!Array.isArray(value) || value.length > HAVE_ITEMS_MAX) return false;
  return value.every((blob) => isBytes(blob) && blob.length <= bytesMax);
}

function decodeIds([ids, last, first]: readonly unknown[]): SyncMessage | undefined {
  if (!isHashes(ids, STATEMENT_IDS_PAGE_MAX)) return undefined;
  if (typeof last !== "boolean" || typeof first !== "boolean") return undefined;
  return { type: "statement-ids", ids: ids.map(toHex), last, first };
}

function decodeStatementWant([ids]: readonly unknown[]): SyncMessage | undefined {
  if (!isHashes(ids, STATEMENT_WANT_MAX)) return undefined;
  return { type: "statement-want", ids: ids.map(toHex) };
}

function decodeStatementHave([tokens]: readonly unknown[]): SyncMessage | undefined {
  if (!Array.isArray(tokens) || tokens.length > STATEMENT_WANT_MAX) return undefined;
  if (!tokens.every((token) => isTextUpTo(token, STATEMENT_LENGTH_MAX))) return undefined;
  return { type: "statement-have", tokens };
}

function isHashes(value: unknown, countMax: number): value is readonly Uint8Array[] {
  return Array.isArray(value) && value.length <= countMax && value.every(isHash);
}
