/**
 * The signed envelope of everything that nodes tell each other (rule SG1).
 *
 * On the wire: dag-cbor `{a: author, b: body, k: kind, s: signature, x?: attachment}`. The signature covers the domain
 * `pulsemesh/1/<kind>`, the fleet and the body bytes as sent; nothing is ever re-encoded to be verified. An attachment is outside
 * the signature; a body that has one holds its hash, so that evidence can carry the small body alone.
 */
import type { Env, ReadingEnv } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { isBytes } from "./fields.ts";

/** `audit-head` is for neighbours that cosign (promise P7), and in the golden frames of 0.1.0; nothing sends it yet. */
export type EnvelopeKind = "pulse" | "observation" | "entry" | "hello" | "audit-head";

const KINDS: ReadonlySet<string> = new Set<EnvelopeKind>([
  "pulse",
  "observation",
  "entry",
  "hello",
  "audit-head",
]);

/** Longest text form of a node id that is looked at. */
export const NODE_ID_LENGTH_MAX: number = 80;

export interface Envelope {
  readonly author: NodeId;
  readonly kind: EnvelopeKind;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
  readonly attachment: Uint8Array | undefined;
}

export type EnvelopeResult =
  | { readonly ok: true; readonly envelope: Envelope }
  | {
      readonly ok: false;
      readonly code: "envelope-malformed" | "envelope-oversized" | "kind-unknown";
    };

/** Signs a body as this node and encodes the envelope. */
export function sealEnvelope(
  env: Env,
  kind: EnvelopeKind,
  body: Uint8Array,
  attachment?: Uint8Array,
): Uint8Array {
  const signature = env.ports.signature.sign(signedBytes(env, kind, body));
  return encodeEnvelope(env, { author: env.identity.self, kind, body, signature, attachment });
}

/** Encodes an envelope that was signed before, for instance to hand on a header without its attachment. */
export function encodeEnvelope(env: ReadingEnv, envelope: Envelope): Uint8Array {
  const { author, body, kind, signature, attachment } = envelope;
  const value = { a: author, b: body, k: kind, s: signature };
  return env.ports.codec.encode(attachment === undefined ? value : { ...value, x: attachment });
}

/** Decodes without verifying: cheap checks (duplicates, size) come before the signature. Unknown keys are ignored (rule SG2). */
export function decodeEnvelope(
  env: ReadingEnv,
  bytes: Uint8Array,
  bytesMax: number,
): EnvelopeResult {
  if (bytes.length > bytesMax) return { ok: false, code: "envelope-oversized" };
  let value: unknown;
  try {
    value = env.ports.codec.decode(bytes);
  } catch {
    return { ok: false, code: "envelope-malformed" };
  }
  if (typeof value !== "object" || value === null) return { ok: false, code: "envelope-malformed" };
  const {
    a: author,
    b: body,
    k: kind,
    s: signature,
    x: attachment,
  } = value as Record<string, unknown>;
  const wellFormed =
    typeof author === "string" &&
    author.length <= NODE_ID_LENGTH_MAX &&
    isBytes(body) &&
    typeof kind === "string" &&
    isBytes(signature) &&
    signature.length === 64 &&
    (attachment === undefined || isBytes(attachment));
  if (!wellFormed) return { ok: false, code: "envelope-malformed" };
  if (!KINDS.has(kind)) return { ok: false, code: "kind-unknown" };
  return {
    ok: true,
    envelope: { author, kind: kind as EnvelopeKind, body, signature, attachment },
  };
}

/** Whether the author signed this body for this fleet and kind. */
export function verifyEnvelope(env: ReadingEnv, envelope: Envelope): boolean {
  const { author, kind, body, signature } = envelope;
  return env.ports.signature.verify(author, signedBytes(env, kind, body), signature);
}

/** What every signature begins with: the same for each kind, and needed for every message. */
const DOMAINS = new WeakMap<ReadingEnv, Map<EnvelopeKind, Uint8Array>>();

function domainOf(env: ReadingEnv, kind: EnvelopeKind): Uint8Array {
  let domains = DOMAINS.get(env);
  if (domains === undefined) {
    domains = new Map();
    DOMAINS.set(env, domains);
  }
  let domain = domains.get(kind);
  if (domain === undefined) {
    domain = env.ports.codec.encode([`pulsemesh/1/${kind}`, env.identity.fleet]);
    domains.set(kind, domain);
  }
  return domain;
}

function signedBytes(env: ReadingEnv, kind: EnvelopeKind, body: Uint8Array): Uint8Array {
  const domain = domainOf(env, kind);
  const bytes = new Uint8Array(domain.length + body.length);
  bytes.set(domain, 0);
  bytes.set(body, domain.length);
  return bytes;
}
