/**
 * Observations on the wire (rules VE2, VE3): one signed message of a witness holds all it has to say at one moment, so that a
 * witness of many silent nodes sends one message and not many.
 */
import type { Env, ReadingEnv } from "../env.ts";
import type { NodeId, PulseName } from "../ids.ts";
import { decodeEvidence, type PulseHeader } from "../pulse/pulse-codec.ts";
import {
  encodeEnvelope,
  NODE_ID_LENGTH_MAX,
  sealEnvelope,
  type Envelope,
} from "../wire/envelope.ts";
import { isBytes, isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";

/** Largest observation message. */
export const OBSERVATION_BYTES_MAX: number = 24 * 1024;
/** Statements in one message. */
export const OBSERVATION_ITEMS_MAX: number = 40;
/** Messages of one witness that are looked at in one second. */
export const OBSERVATIONS_PER_SECOND_MAX: number = 100;

/** `ack` answers a direct `paused` pulse (rule VE9), `lossy` and `delayed` are rule PU7's, `ask` is rule PU9's; the others are rule VE3's. */
export type ObservationKind =
  | "accuse"
  | "object"
  | "up"
  | "unknown"
  | "ack"
  | "lossy"
  | "ask"
  | "delayed";

const KINDS: readonly ObservationKind[] = [
  "accuse",
  "object",
  "up",
  "unknown",
  "ack",
  "lossy",
  "ask",
  "delayed",
];

/** A signed header of the named pulse, decoded; its signature is checked by the reader only when it says something new. */
export interface Evidence {
  readonly envelope: Envelope;
  readonly header: PulseHeader;
}

/** One statement: what a witness says of one subject, with the newest pulse of it that it knows to exist. */
export interface Statement {
  readonly kind: ObservationKind;
  readonly subject: NodeId;
  /** (0, 0) when no pulse of the subject is known. */
  readonly name: PulseName;
  readonly evidence: Evidence | undefined;
}

export interface Observation {
  readonly boot: number;
  /** Grows with every message of the author's boot: replays are dropped. */
  readonly seq: number;
  readonly upMs: number;
  readonly statements: readonly Statement[];
}

/** Signs and encodes; the caller keeps to {@link OBSERVATION_ITEMS_MAX}. */
export function sealObservation(env: Env, observation: Observation): Uint8Array {
  const body = env.ports.codec.encode({
    b: observation.boot,
    i: observation.statements.map(({ kind, subject, name, evidence }) => [
      KINDS.indexOf(kind),
      subject,
      name.boot,
      name.seq,
      evidence === undefined ? null : encodeEnvelope(env, evidence.envelope),
    ]),
    q: observation.seq,
    u: Math.floor(observation.upMs),
  });
  return sealEnvelope(env, "observation", body);
}

/** Decodes a body; undefined when anything in it is malformed. Statements of unknown kinds are left out (rule SG2). */
export function decodeObservation(env: ReadingEnv, body: Uint8Array): Observation | undefined {
  let map: unknown;
  try {
    map = env.ports.codec.decode(body);
  } catch {
    return undefined;
  }
  if (!isMap(map)) return undefined;
  const { b: boot, i: items, q: seq, u: upMs } = map;
  if (
    !isIntegerIn(boot, 1, Number.MAX_SAFE_INTEGER) ||
    !isIntegerIn(seq, 1, Number.MAX_SAFE_INTEGER)
  )
    return undefined;
  if (!isIntegerIn(upMs, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  if (!Array.isArray(items) || items.length > OBSERVATION_ITEMS_MAX) return undefined;
  const statements: Statement[] = [];
  for (const item of items) {
    const statement = decodeStatement(env, item);
    if (statement === undefined) return undefined;
    if (statement !== "unknown-kind") statements.push(statement);
  }
  return { boot, seq, upMs, statements };
}

function decodeStatement(env: ReadingEnv, item: unknown): Statement | "unknown-kind" | undefined {
  if (!Array.isArray(item)) return undefined;
  const [kindIndex, subject, boot, seq, evidenceBytes] = item as readonly unknown[];
  if (!isIntegerIn(kindIndex, 0, 255) || !isTextUpTo(subject, NODE_ID_LENGTH_MAX)) return undefined;
  if (
    !isIntegerIn(boot, 0, Number.MAX_SAFE_INTEGER) ||
    !isIntegerIn(seq, 0, Number.MAX_SAFE_INTEGER)
  )
    return undefined;
  const kind = KINDS[kindIndex];
  if (kind === undefined) return "unknown-kind";
  const name = { boot, seq };
  if (evidenceBytes === null) return { kind, subject, name, evidence: undefined };
  if (!isBytes(evidenceBytes)) return undefined;
  const evidence = decodeEvidence(env, evidenceBytes);
  if (!evidence.ok) return undefined;
  const { envelope, header } = evidence.value;
  const matches = envelope.author === subject && header.boot === boot && header.seq === seq;
  return matches ? { kind, subject, name, evidence: { envelope, header } } : undefined;
}
