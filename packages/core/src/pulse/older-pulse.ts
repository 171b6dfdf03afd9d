/**
 * A pulse of an older boot than the newest one known, whose author is alive all the same (rule BK2): it echoes what this node sent a moment
 * ago. One process that has begun a new boot sends none of these, so two have the author's key. It is no sign of life and dates nothing; it
 * is handed on, because the other one hears of it in no other way.
 */
import type { Env } from "../env.ts";
import type { NodeId, PulseName } from "../ids.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import {
  decodePulseAttachment,
  decodePulseHeader,
  PULSE_BYTES_MAX,
  type Heard,
} from "./pulse-codec.ts";
import { takePulse, type ValidPulse } from "./pulse-intake.ts";

/**
 * Undefined for every other pulse. `answers` says whether an echo names something that was sent a moment ago; it is asked before the
 * signature, so that a recording costs no verification.
 */
export function takeOlderPulse(
  env: Env,
  bytes: Uint8Array,
  newestOf: (author: NodeId) => PulseName | undefined,
  answers: (heard: readonly Heard[]) => boolean,
): ValidPulse | undefined {
  const opened = decodeEnvelope(env, bytes, PULSE_BYTES_MAX);
  if (!opened.ok || opened.envelope.attachment === undefined) return undefined;
  const { author, attachment } = opened.envelope;
  const header = decodePulseHeader(env, opened.envelope);
  const newest = newestOf(author);
  if (!header.ok || newest === undefined || header.value.boot >= newest.boot) return undefined;
  const attached = decodePulseAttachment(env, attachment);
  if (!attached.ok || !answers(attached.value.heard)) return undefined;
  const taken = takePulse(env, bytes, () => undefined);
  return taken.ok ? taken.pulse : undefined;
}
