/**
 * A pulse that comes once more by gossip to who has it already, as it came straight from its author (rule PU8). It says nothing new, and others may have
 * it through this node alone.
 */
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "../wire/envelope.ts";
import { PULSE_BYTES_MAX, type PulseHeader } from "./pulse-codec.ts";
import { isSame } from "./pulse-intake.ts";

interface KnownPulse {
  readonly envelope: Envelope;
  readonly header: PulseHeader;
}

/**
 * The newest pulse of an author, where these are its bytes and no others: gossip names a message by its bytes, so one that could be spelled in two ways
 * could be sent round for ever. `knownOf` answers the newest one that was looked at.
 */
export function knownPulse<Known extends KnownPulse>(
  env: Env,
  bytes: Uint8Array,
  knownOf: (author: NodeId) => Known | undefined,
): Known | undefined {
  const opened = decodeEnvelope(env, bytes, PULSE_BYTES_MAX);
  if (!opened.ok || opened.envelope.attachment === undefined) return undefined;
  const { author, body, signature, attachment } = opened.envelope;
  const known = knownOf(author);
  if (known === undefined) return undefined;
  const isIt =
    isSame(known.envelope.signature, signature) &&
    isSame(known.envelope.body, body) &&
    isSame(known.header.attachmentHash, env.ports.hash.sha256(attachment)) &&
    isSame(bytes, encodeEnvelope(env, opened.envelope));
  return isIt ? known : undefined;
}
