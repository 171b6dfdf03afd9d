/**
 * The pulse on the wire (rules PU1, PU2).
 *
 * A pulse is an envelope whose signed body is a small *header* and whose attachment is everything else. The header holds the hash of
 * the attachment, so that evidence of a verdict can carry the header alone.
 */
import { NUMBER_MAX } from "../authority/limits.ts";
import type { TwinEcho } from "../boot/twins.ts";
import { EPOCH_MAX } from "../chain/limits.ts";
import type { Env, ReadingEnv } from "../env.ts";
import type { Boot, NodeId } from "../ids.ts";
import { decodeEnvelope, sealEnvelope, type Envelope } from "../wire/envelope.ts";
import { isBytes, isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";
import type { RejectReason } from "../event.ts";

/** Largest pulse on the wire. */
export const PULSE_BYTES_MAX: number = 8 * 1024;
/** Largest signed header with its envelope, as evidence carries it. */
export const PULSE_HEADER_BYTES_MAX: number = 512;
/** Others' pulses that one pulse echoes. */
export const HEARD_MAX: number = 64;
/** Own chains that one pulse names. */
export const HEADS_MAX: number = 8;
/** Subjects that one pulse may say its author to watch: what one member says must not outweigh what many see. */
export const SIGHT_MAX: number = 64;
/** Shortest and longest promised interval. */
export const PULSE_INTERVAL_MS_MIN: number = 200;
export const PULSE_INTERVAL_MS_MAX: number = 60_000;
/** Longest announced absence (rule VE9). */
export const PAUSE_MS_MAX: number = 3_600_000;

/** Characters of a node id that name it in `heard`: 58^12 ids, too many to search for a second key with the same end. */
const SHORT_ID_LENGTH = 12;

export interface PulseHeader {
  readonly boot: Boot;
  readonly seq: number;
  /** Author's monotonic milliseconds since this boot. */
  readonly upMs: number;
  readonly wallMs: number;
  /** Promised interval between pulses. */
  readonly intervalMs: number;
  /** Author's event-loop lag. */
  readonly lagMs: number;
  /** Author has just been stalled or stepped and judges nobody for now (rule PU6). */
  readonly doubt: boolean;
  /** Planned absence from this pulse on (rule VE9), or a signed goodbye. */
  readonly pausedForMs: number | undefined;
  readonly goodbye: boolean;
  /** The newest pulse under the author's key that its process did not make (rule BK1). */
  readonly twin?: TwinEcho | undefined;
  readonly attachmentHash: Uint8Array;
}

/** The newest pulse received from one node with a valid signature, dated or not, and whether it is inside its deadline. */
export interface Heard {
  readonly shortId: string;
  readonly boot: Boot;
  readonly seq: number;
  readonly fresh: boolean;
}

/** Head of one of the author's own chains; durable before it is named. */
export interface ChainHead {
  readonly document: string;
  readonly epoch: number;
  readonly seq: number;
  /** First eight bytes of the entry hash. */
  readonly hash8: Uint8Array;
}

/** Of so many subjects of the author that are of its own region so many are in its sight. */
export interface ToldSight {
  readonly of: number;
  readonly inSight: number;
}

export interface PulseAttachment {
  readonly agent: string;
  readonly heard: readonly Heard[];
  readonly heads: readonly ChainHead[];
  readonly auditSize: number;
  readonly auditHash: Uint8Array;
  /** Short ids of nodes whose pulses the author misses too often (rule PU7). */
  readonly missing: readonly string[];
  /** Number of the newest charter that the author holds (rule ME2), where it holds one. */
  readonly charter?: number | undefined;
  /** What the author sees of its own region (rules PU8, VE4); in large fleets alone. */
  readonly sight?: ToldSight | undefined;
  /** Beat summaries, read by robots/ alone. */
  readonly beats: unknown;
}

export type PulseResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RejectReason };

/** How a node is named in `heard` and `missing`. */
export function shortIdOf(node: NodeId): string {
  return node.slice(-SHORT_ID_LENGTH);
}

/** Signs and encodes a pulse. */
export function sealPulse(
  env: Env,
  header: Omit<PulseHeader, "attachmentHash">,
  attachment: PulseAttachment,
): Uint8Array {
  const { codec, hash } = env.ports;
  const { twin } = header;
  const attached = codec.encode({
    a: [attachment.auditSize, attachment.auditHash],
    ...(attachment.charter === undefined ? {} : { c: attachment.charter }),
    e: attachment.heard.map((heard) => [heard.shortId, heard.boot, heard.seq, heard.fresh ? 1 : 0]),
    m: attachment.missing,
    n: attachment.heads.map((head) => [head.document, head.epoch, head.seq, head.hash8]),
    r: attachment.beats,
    ...(attachment.sight === undefined
      ? {}
      : { s: [attachment.sight.of, attachment.sight.inSight] }),
    v: attachment.agent,
  });
  const body = codec.encode({
    b: header.boot,
    d: header.doubt ? 1 : 0,
    g: header.goodbye ? 1 : 0,
    h: hash.sha256(attached),
    i: header.intervalMs,
    l: Math.round(header.lagMs),
    p: header.pausedForMs ?? 0,
    q: header.seq,
    u: Math.floor(header.upMs),
    w: Math.floor(header.wallMs),
    ...(twin === undefined ? {} : { t: [twin.boot, twin.seq, twin.isProved ? 1 : 0] }),
  });
  return sealEnvelope(env, "pulse", body, attached);
}

/** Decodes the header of a pulse envelope; the signature and the attachment are not looked at. */
export function decodePulseHeader(env: ReadingEnv, envelope: Envelope): PulseResult<PulseHeader> {
  if (envelope.kind !== "pulse" || envelope.body.length > PULSE_HEADER_BYTES_MAX) {
    return { ok: false, code: "pulse-malformed" };
  }
  const map = decodeMap(env, envelope.body);
  if (map === undefined) return { ok: false, code: "pulse-malformed" };
  const {
    b: boot,
    d: doubt,
    g: goodbye,
    h: hash,
    i: interval,
    l: lag,
    p: paused,
    q: seq,
    t: echo,
    u: up,
    w: wall,
  } = map;
  const twin = decodeTwin(echo);
  const wellFormed =
    // Entries of this boot could not be read beyond (rule PU3).
    isIntegerIn(boot, 1, EPOCH_MAX) &&
    isIntegerIn(seq, 1, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(up, 0, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(wall, 0, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(lag, 0, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(doubt, 0, 1) &&
    isIntegerIn(goodbye, 0, 1) &&
    isIntegerIn(paused, 0, PAUSE_MS_MAX) &&
    twin !== "malformed" &&
    isBytes(hash) &&
    hash.length === 32;
  if (!wellFormed) return { ok: false, code: "pulse-malformed" };
  if (!isIntegerIn(interval, PULSE_INTERVAL_MS_MIN, PULSE_INTERVAL_MS_MAX))
    return { ok: false, code: "pulse-interval" };
  return {
    ok: true,
    value: {
      boot,
      seq,
      upMs: up,
      wallMs: wall,
      intervalMs: interval,
      lagMs: lag,
      doubt: doubt === 1,
      pausedForMs: paused === 0 ? undefined : paused,
      goodbye: goodbye === 1,
      ...(twin === undefined ? {} : { twin }),
      attachmentHash: hash,
    },
  };
}

/** Where one process holds many nodes, they are handed the very same bytes; what comes of them is the same, too, and nobody changes it. */
const decodedAttachments = new WeakMap<Uint8Array, PulseResult<PulseAttachment>>();

/** Decodes an attachment that has been found to match the header's hash. */
export function decodePulseAttachment(env: Env, bytes: Uint8Array): PulseResult<PulseAttachment> {
  const known = decodedAttachments.get(bytes);
  if (known !== undefined) return known;
  const result = decodeAttachment(env, bytes);
  decodedAttachments.set(bytes, result);
  return result;
}

function decodeAttachment(env: Env, bytes: Uint8Array): PulseResult<PulseAttachment> {
  const map = decodeMap(env, bytes);
  const malformed = { ok: false, code: "pulse-malformed" } as const;
  if (map === undefined) return malformed;
  const { a: audit, c: charter, e: heard, m: missing, n: heads, r: beats, s: seen, v: agent } = map;
  const echoes = decodeHeard(heard);
  if (echoes === undefined) return malformed;
  if (!Array.isArray(missing) || missing.length > HEARD_MAX || !missing.every(isShortId))
    return malformed;
  if (!Array.isArray(heads) || heads.length > HEADS_MAX || !heads.every(isHeadTuple))
    return malformed;
  if (
    !Array.isArray(audit) ||
    !isIntegerIn(audit[0], 0, Number.MAX_SAFE_INTEGER) ||
    !isBytes(audit[1])
  )
    return malformed;
  if (!isTextUpTo(agent, 64)) return malformed;
  if (charter !== undefined && !isIntegerIn(charter, 1, NUMBER_MAX)) return malformed;
  const sight = decodeSight(seen);
  if (sight === "malformed") return malformed;
  return {
    ok: true,
    value: {
      agent,
      heard: echoes,
      heads: heads.map(([document, epoch, seq, hash8]) => ({ document, epoch, seq, hash8 })),
      auditSize: audit[0],
      auditHash: audit[1],
      missing,
      ...(charter === undefined ? {} : { charter }),
      ...(sight === undefined ? {} : { sight }),
      beats,
    },
  };
}

/** Decodes a header that came as evidence: an encoded envelope without attachment. */
export function decodeEvidence(
  env: ReadingEnv,
  bytes: Uint8Array,
): PulseResult<{ readonly envelope: Envelope; readonly header: PulseHeader }> {
  const opened = decodeEnvelope(env, bytes, PULSE_HEADER_BYTES_MAX);
  if (!opened.ok) return { ok: false, code: "evidence-bad" };
  const header = decodePulseHeader(env, opened.envelope);
  return header.ok
    ? { ok: true, value: { envelope: opened.envelope, header: header.value } }
    : header;
}

function decodeMap(
  env: ReadingEnv,
  bytes: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = env.ports.codec.decode(bytes);
    return isMap(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function decodeTwin(echo: unknown): TwinEcho | undefined | "malformed" {
  if (echo === undefined) return undefined;
  if (!Array.isArray(echo)) return "malformed";
  const [boot, seq, isProved] = echo as readonly unknown[];
  const isWell =
    isIntegerIn(boot, 1, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(seq, 1, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(isProved, 0, 1);
  return isWell ? { boot, seq, isProved: isProved === 1 } : "malformed";
}

function decodeSight(seen: unknown): ToldSight | undefined | "malformed" {
  if (seen === undefined) return undefined;
  if (!Array.isArray(seen)) return "malformed";
  const [of, inSight] = seen as readonly unknown[];
  const isWell = isIntegerIn(of, 0, SIGHT_MAX) && isIntegerIn(inSight, 0, of);
  return isWell ? { of, inSight } : "malformed";
}

function isShortId(value: unknown): value is string {
  return isTextUpTo(value, SHORT_ID_LENGTH);
}

/** One pass, because every pulse of a fleet brings one of these per member. */
function decodeHeard(tuples: unknown): readonly Heard[] | undefined {
  if (!Array.isArray(tuples) || tuples.length > HEARD_MAX) return undefined;
  const heard: Heard[] = [];
  for (const tuple of tuples as readonly unknown[]) {
    if (!Array.isArray(tuple)) return undefined;
    const [shortId, boot, seq, fresh] = tuple as readonly unknown[];
    if (!isShortId(shortId) || !isIntegerIn(fresh, 0, 1)) return undefined;
    if (!isIntegerIn(boot, 1, Number.MAX_SAFE_INTEGER)) return undefined;
    if (!isIntegerIn(seq, 1, Number.MAX_SAFE_INTEGER)) return undefined;
    heard.push({ shortId, boot, seq, fresh: fresh === 1 });
  }
  return heard;
}

function isHeadTuple(value: unknown): value is [string, number, number, Uint8Array] {
  return (
    Array.isArray(value) &&
    isTextUpTo(value[0], 32) &&
    isIntegerIn(value[1], 1, Number.MAX_SAFE_INTEGER) &&
    isIntegerIn(value[2], 0, Number.MAX_SAFE_INTEGER) &&
    isBytes(value[3]) &&
    value[3].length === 8
  );
}
