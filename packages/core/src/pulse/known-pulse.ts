/**
 * A pulse that comes once more, byte for byte: by gossip, to who had it straight from its author (rule PU8). It says nothing new, and others may have it
 * through this node alone.
 */
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { decodeEnvelope, type Envelope } from "../wire/envelope.ts";
import { PULSE_BYTES_MAX, type PulseHeader } from "./pulse-codec.ts";
import { isSame } from "./pulse-intake.ts";

/** Whether these are the bytes of a pulse that was looked at before: `knownOf` answers the newest one of an author. */
export function isKnownPulse(
  env: Env,
  bytes: Uint8Array,
  knownOf: (
    author: NodeId,
  ) => { readonly envelope: Envelope; readonly header: PulseHeader } | undefined,
): boolean {
  const opened = decodeEnvelope(env, bytes, PULSE_BYTES_MAX);
  if (!opened.ok || opened.envelope.attachment === undefined) return false;
  const { author, body, signature, attachment } = opened.envelope;
  const known = knownOf(author);
  return (
    known !== undefined &&
    isSame(known.envelope.signature, signature) &&
    isSame(known.envelope.body, body) &&
    isSame(known.header.attachmentHash, env.ports.hash.sha256(attachment))
  );
}
