/**
 * One entry of a chain, and how its body reads on the wire (rules CH1, SG1).
 *
 * Body (dag-cbor): `[document, epoch, seq, previous hash | null, kind, hlc, payload]`. The author is the signer of the envelope, the
 * fleet is in its signed domain. The entry's name for ever is the SHA-256 of the body bytes as sent.
 */
import type { Env } from "../env.ts";
import { DOCUMENTS, isNodeId, type DocumentName, type HashHex, type NodeId } from "../ids.ts";
import { decodeEnvelope, type Envelope } from "../wire/envelope.ts";
import { isBytes, isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";
import { fromHex, toHex } from "../wire/hex.ts";
import {
  AUTHOR_IDS_MAX,
  DELTA_BYTES_MAX,
  ENTRY_BYTES_MAX,
  EPOCH_MAX,
  EPOCHS_MAX,
  HEADER_TEXT_LENGTH_MAX,
  MAY_BE_OFFLINE_MS_MAX,
  SEQ_MAX,
  SNAPSHOT_PARTS_MAX,
} from "./limits.ts";

/** A place in an author's chains, with what stood there. */
export interface Place {
  readonly epoch: number;
  readonly seq: number;
  readonly hash: HashHex;
}

/** Opens an epoch; `prev` is the last own entry that the author held when it did (rule CH1). */
export interface HeaderPayload {
  readonly kind: "header";
  readonly name: string;
  readonly region: string;
  readonly agent: string;
  readonly prev: Place | undefined;
  /** For how long its silence is no sign of death, in ms, 1 … {@link MAY_BE_OFFLINE_MS_MAX}; undefined for none (rule VE9). */
  readonly mayBeOfflineMs?: number | undefined;
}

interface DeltaPayload {
  readonly kind: "delta";
  /** V1 update, not yet through the gate. */
  readonly update: Uint8Array;
}

/** A manifest: everything live of this epoch and of the epochs it covers is in the parts. */
export interface SnapshotPayload {
  readonly kind: "snapshot";
  readonly parts: readonly HashHex[];
  readonly robots: number;
  readonly covers: readonly Place[];
}

/** Of a later version: stored, linked and handed on, but not shown (rule SG2). */
interface UnknownPayload {
  readonly kind: "unknown";
}

export type EntryPayload = HeaderPayload | DeltaPayload | SnapshotPayload | UnknownPayload;

export interface Entry {
  readonly document: DocumentName;
  readonly author: NodeId;
  readonly epoch: number;
  readonly seq: number;
  readonly prevHash: HashHex | undefined;
  readonly hlc: number;
  readonly payload: EntryPayload;
  readonly hash: HashHex;
  /** The envelope as received or sealed: what is stored and handed on. */
  readonly bytes: Uint8Array;
}

/** Which entry of whom. */
export type EntryName = Pick<Entry, "document" | "author" | "epoch" | "seq">;

/**
 * An entry of which nothing but its name and its kind is read: enough to tell whether it says anything new, which comes before its signature
 * is verified, as that before its payload is read (rule SG1).
 */
export interface OpenedEntry extends Omit<Entry, "payload"> {
  readonly kind: EntryPayload["kind"];
  readonly envelope: Envelope;
  readonly rawPayload: unknown;
}

export type OpenResult =
  | { readonly ok: true; readonly opened: OpenedEntry }
  | { readonly ok: false; readonly code: EntryErrorCode };

export type EntryResult =
  | { readonly ok: true; readonly entry: Entry; readonly envelope: Envelope }
  | { readonly ok: false; readonly code: EntryErrorCode };

type EntryErrorCode = "entry-malformed" | "entry-oversized" | "envelope-malformed" | "kind-unknown";

const KINDS: readonly string[] = ["header", "delta", "snapshot"];

/** Encodes a body to be sealed as kind `entry`. */
export function encodeEntryBody(
  env: Env,
  entry: Pick<Entry, "document" | "epoch" | "seq" | "prevHash" | "hlc" | "payload">,
): Uint8Array {
  const { document, epoch, seq, prevHash, hlc, payload } = entry;
  const prev = prevHash === undefined ? null : fromHex(prevHash);
  return env.ports.codec.encode([
    document,
    epoch,
    seq,
    prev,
    payload.kind,
    hlc,
    encodePayload(payload),
  ]);
}

/** Decodes one entry without verifying its signature, for what is on disk; nothing here throws, whatever the bytes. */
export function decodeEntry(env: Env, bytes: Uint8Array): EntryResult {
  const result = openEntry(env, bytes);
  if (!result.ok) return result;
  const entry = readEntry(result.opened);
  if (entry === undefined) return { ok: false, code: "entry-malformed" };
  return { ok: true, entry, envelope: result.opened.envelope };
}

/** Reads an opened entry; undefined where its payload is none of its kind. */
export function readEntry(opened: OpenedEntry): Entry | undefined {
  const { kind, rawPayload, envelope: _, ...name } = opened;
  const payload: EntryPayload | undefined =
    kind === "unknown" ? { kind } : decodePayload(kind, rawPayload);
  return payload === undefined ? undefined : { ...name, payload };
}

/** Reads name and kind of an entry; nothing here throws, whatever the bytes. */
export function openEntry(env: Env, bytes: Uint8Array): OpenResult {
  const result = decodeEnvelope(env, bytes, ENTRY_BYTES_MAX);
  if (!result.ok)
    return {
      ok: false,
      code: result.code === "envelope-oversized" ? "entry-oversized" : result.code,
    };
  const { envelope } = result;
  const malformed: OpenResult = { ok: false, code: "entry-malformed" };
  if (envelope.kind !== "entry" || envelope.attachment !== undefined) return malformed;
  if (!isNodeId(envelope.author)) return malformed;
  let body: unknown;
  try {
    body = env.ports.codec.decode(envelope.body);
  } catch {
    return malformed;
  }
  if (!Array.isArray(body) || body.length !== 7) return malformed;
  const [document, epoch, seq, prev, kind, hlc, rawPayload] = body as readonly unknown[];
  const isLater = isUnknownName(kind, KINDS);
  // What a later version may open an epoch with cannot be linked here.
  if (isUnknownName(document, DOCUMENTS) || (isLater && seq === 0))
    return { ok: false, code: "kind-unknown" };
  const wellFormed =
    DOCUMENTS.includes(document as DocumentName) &&
    isIntegerIn(epoch, 1, EPOCH_MAX) &&
    isIntegerIn(seq, 0, SEQ_MAX) &&
    isIntegerIn(hlc, 0, Number.MAX_SAFE_INTEGER) &&
    typeof kind === "string" &&
    (seq === 0 ? prev === null && kind === "header" : isHash(prev) && kind !== "header");
  if (!wellFormed) return malformed;
  const prevHash = seq === 0 ? undefined : toHex(prev as Uint8Array);
  const hash = toHex(env.ports.hash.sha256(envelope.body));
  const opened: OpenedEntry = {
    document: document as DocumentName,
    author: envelope.author,
    epoch,
    seq,
    prevHash,
    hlc,
    hash,
    bytes,
    kind: isLater ? "unknown" : (kind as "header" | "delta" | "snapshot"),
    envelope,
    rawPayload,
  };
  return { ok: true, opened };
}

/** A name that a later version may know. */
function isUnknownName(value: unknown, known: readonly string[]): boolean {
  return typeof value === "string" && !known.includes(value);
}

export function isHash(value: unknown): value is Uint8Array {
  return isBytes(value) && value.length === 32;
}

/** `[epoch, seq, hash]` as it stands in headers, manifests and vectors. */
export function encodePlace(place: Place): readonly [number, number, Uint8Array] {
  return [place.epoch, place.seq, fromHex(place.hash)];
}

export function decodePlace(value: unknown): Place | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [epoch, seq, hash] = value as readonly unknown[];
  if (!isIntegerIn(epoch, 1, EPOCH_MAX) || !isIntegerIn(seq, 0, SEQ_MAX) || !isHash(hash))
    return undefined;
  return { epoch, seq, hash: toHex(hash) };
}

function encodePayload(payload: EntryPayload): unknown {
  switch (payload.kind) {
    case "unknown":
      return null;
    case "delta":
      return payload.update;
    case "header": {
      const { name, region, agent, prev, mayBeOfflineMs } = payload;
      const offline = mayBeOfflineMs === undefined ? {} : { mayBeOfflineMs };
      return {
        name,
        region,
        agent,
        prev: prev === undefined ? null : encodePlace(prev),
        ...offline,
      };
    }
    case "snapshot":
      return {
        parts: payload.parts.map(fromHex),
        robots: payload.robots,
        covers: payload.covers.map(encodePlace),
      };
  }
}

function decodePayload(
  kind: Exclude<EntryPayload["kind"], "unknown">,
  payload: unknown,
): EntryPayload | undefined {
  if (kind === "delta") {
    return isBytes(payload) && payload.length <= DELTA_BYTES_MAX
      ? { kind, update: payload }
      : undefined;
  }
  if (!isMap(payload)) return undefined;
  if (kind === "header") return decodeHeader(payload);
  return decodeManifest(payload);
}

function decodeHeader(payload: Readonly<Record<string, unknown>>): HeaderPayload | undefined {
  const { name, region, agent, prev: rawPrev, mayBeOfflineMs } = payload;
  const texts = [name, region, agent];
  if (!texts.every((text) => isTextUpTo(text, HEADER_TEXT_LENGTH_MAX) && text.length > 0))
    return undefined;
  const prev = rawPrev === null ? undefined : decodePlace(rawPrev);
  if (rawPrev !== null && prev === undefined) return undefined;
  return {
    kind: "header",
    name: name as string,
    region: region as string,
    agent: agent as string,
    prev,
    mayBeOfflineMs: offlineMsOf(mayBeOfflineMs),
  };
}

/** An optional key of headers and member rows: what this version does not understand counts as none (rule SG2). */
export function offlineMsOf(value: unknown): number | undefined {
  return isIntegerIn(value, 1, MAY_BE_OFFLINE_MS_MAX) ? value : undefined;
}

function decodeManifest(payload: Readonly<Record<string, unknown>>): SnapshotPayload | undefined {
  const { parts, robots, covers: rawCovers } = payload;
  if (!Array.isArray(parts) || parts.length > SNAPSHOT_PARTS_MAX || !parts.every(isHash))
    return undefined;
  if (!isIntegerIn(robots, 0, AUTHOR_IDS_MAX)) return undefined;
  if (!Array.isArray(rawCovers) || rawCovers.length > EPOCHS_MAX) return undefined;
  const covers = rawCovers.map(decodePlace).filter((place) => place !== undefined);
  if (covers.length !== rawCovers.length) return undefined;
  const hashes = parts.map(toHex);
  if (new Set(hashes).size !== hashes.length) return undefined;
  return { kind: "snapshot", parts: hashes, robots, covers };
}
