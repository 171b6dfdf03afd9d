/**
 * From bytes to a pulse that counts: size, duplicates, signature, attachment, in that order, cheapest first (rules SG1, SG4, PU3).
 * What is wrong for everybody is rejected; what is only old or not for us is ignored, so that an honest relay is never punished.
 */
import type { Validation } from "../driver/transport.ts";
import type { Env } from "../env.ts";
import type { RejectReason } from "../event.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import { decodeEnvelope, verifyEnvelope, type Envelope } from "../wire/envelope.ts";
import {
  decodePulseAttachment,
  decodePulseHeader,
  PULSE_BYTES_MAX,
  type PulseAttachment,
  type PulseHeader,
} from "./pulse-codec.ts";

export interface ValidPulse {
  readonly author: NodeId;
  readonly header: PulseHeader;
  /** The signed header alone. */
  readonly evidence: Envelope;
  readonly attachment: PulseAttachment;
}

export type PulseIntake =
  | { readonly ok: true; readonly pulse: ValidPulse }
  | { readonly ok: false; readonly validation: Validation; readonly reason: RejectReason };

/**
 * Checks a pulse. `newestOf` answers the newest pulse received of an author first hand, or `"stranger"` for authors that are
 * not followed; it is asked before the signature, so that a flood of duplicates or strangers costs no verification.
 */
export function takePulse(
  env: Env,
  bytes: Uint8Array,
  newestOf: (author: NodeId, header: PulseHeader) => PulseName | undefined | "stranger",
): PulseIntake {
  const opened = decodeEnvelope(env, bytes, PULSE_BYTES_MAX);
  if (!opened.ok) {
    // A kind of a later version is wrong for nobody (rule SG2).
    const validation = opened.code === "kind-unknown" ? "ignore" : "reject";
    return { ok: false, validation, reason: opened.code };
  }
  const { author, kind, body, signature, attachment } = opened.envelope;
  if (kind !== "pulse" || attachment === undefined)
    return { ok: false, validation: "reject", reason: "pulse-malformed" };
  const header = decodePulseHeader(env, opened.envelope);
  if (!header.ok) return { ok: false, validation: "reject", reason: header.code };
  const newest = newestOf(author, header.value);
  if (newest === "stranger") return { ok: false, validation: "ignore", reason: "pulse-stranger" };
  if (newest !== undefined && comparePulseNames(header.value, newest) <= 0) {
    return { ok: false, validation: "ignore", reason: "pulse-replayed" };
  }
  if (!verifyEnvelope(env, opened.envelope))
    return { ok: false, validation: "reject", reason: "signature-bad" };
  if (!isSame(env.ports.hash.sha256(attachment), header.value.attachmentHash)) {
    return { ok: false, validation: "reject", reason: "pulse-malformed" };
  }
  const attached = decodePulseAttachment(env, attachment);
  if (!attached.ok) return { ok: false, validation: "reject", reason: attached.code };
  const evidence: Envelope = { author, kind, body, signature, attachment: undefined };
  return {
    ok: true,
    pulse: { author, header: header.value, evidence, attachment: attached.value },
  };
}

/** Whether two byte strings are equal; what is compared is public. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
