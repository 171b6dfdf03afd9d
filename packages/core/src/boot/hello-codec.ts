/**
 * The first word between two nodes that connect (rule PU3): "this is the newest pulse of yours that I hold". It carries that pulse's own
 * signed header, so nobody can push a node to a higher boot than it has really used.
 */
import type { Env } from "../env.ts";
import { decodeEvidence } from "../pulse/pulse-codec.ts";
import type { Evidence } from "../liveness/observation-codec.ts";
import { decodeEnvelope, encodeEnvelope, sealEnvelope, verifyEnvelope } from "../wire/envelope.ts";
import { isBytes, isMap } from "../wire/fields.ts";

/** Largest hello message of core. The transport has a hello of its own, before this one. */
export const HELLO_MESSAGE_BYTES_MAX: number = 2 * 1024;

/** Signs a hello to `peer`-less nobody in particular: its content speaks for itself. */
export function sealHello(env: Env, newestOfYours: Evidence | undefined): Uint8Array {
  const evidence = newestOfYours === undefined ? null : encodeEnvelope(env, newestOfYours.envelope);
  return sealEnvelope(env, "hello", env.ports.codec.encode({ n: evidence }));
}

export type HelloResult =
  | { readonly ok: true; readonly newestOfMine: Evidence | undefined }
  | { readonly ok: false; readonly code: "hello-malformed" | "signature-bad" | "evidence-bad" };

/** Checks a hello; `from` is the peer at the other end of the connection, and must be its author. */
export function openHello(env: Env, bytes: Uint8Array, from: string): HelloResult {
  const opened = decodeEnvelope(env, bytes, HELLO_MESSAGE_BYTES_MAX);
  if (!opened.ok || opened.envelope.kind !== "hello" || opened.envelope.author !== from) {
    return { ok: false, code: "hello-malformed" };
  }
  if (!verifyEnvelope(env, opened.envelope)) return { ok: false, code: "signature-bad" };
  let body: unknown;
  try {
    body = env.ports.codec.decode(opened.envelope.body);
  } catch {
    return { ok: false, code: "hello-malformed" };
  }
  if (!isMap(body)) return { ok: false, code: "hello-malformed" };
  const evidenceBytes = body["n"];
  if (evidenceBytes === null) return { ok: true, newestOfMine: undefined };
  if (!isBytes(evidenceBytes)) return { ok: false, code: "hello-malformed" };
  const evidence = decodeEvidence(env, evidenceBytes);
  if (!evidence.ok || evidence.value.envelope.author !== env.identity.self)
    return { ok: false, code: "evidence-bad" };
  if (!verifyEnvelope(env, evidence.value.envelope)) return { ok: false, code: "evidence-bad" };
  return { ok: true, newestOfMine: evidence.value };
}
