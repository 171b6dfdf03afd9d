/**
 * From bytes to an observation that counts: size, replays, rate, author, signature, age (rules SG1, SG4, VE3).
 * Replays are dropped by (boot, seq) of the author; a message that was held back is dropped by its date, where the author's boot can
 * be dated, since the offset of its pulses dates its observations too.
 *
 * Rates are counted against those who are to blame: a witness for what it signed and nobody has sent before, the sending peer for
 * everything that was refused. Counting before the signature is known to be good would let anybody silence a witness in its name.
 */
import type { Validation } from "../driver/transport.ts";
import type { Env } from "../env.ts";
import type { RejectReason } from "../event.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { decodeEnvelope, type Envelope, verifyEnvelope } from "../wire/envelope.ts";
import { AuthorTrack } from "./author-track.ts";
import type { Liveness } from "./liveness.ts";
import {
  decodeObservation,
  OBSERVATION_BYTES_MAX,
  OBSERVATIONS_PER_SECOND_MAX,
  type Observation,
} from "./observation-codec.ts";
import { EXPIRE_INTERVALS } from "./rules.ts";

/** Bad and repeated messages that one peer may hand over in one second; further ones cost no signature check. */
export const REFUSED_PER_SECOND_MAX: number = 100;
/** What an honest peer hands on as well; none of it costs a signature check. */
const BLAMELESS: ReadonlySet<RejectReason> = new Set([
  "rate",
  "observation-stranger",
  "kind-unknown",
]);
export type ObservationResult =
  | {
      readonly ok: true;
      readonly author: NodeId;
      readonly observation: Observation;
      /** As it was signed. */
      readonly envelope: Envelope;
    }
  | { readonly ok: false; readonly validation: Validation; readonly reason: RejectReason };

export class ObservationIntake {
  readonly #env: Env;
  readonly #liveness: Liveness;
  /** By the peer that sent them, in the second under way only. */
  readonly #refused = new Map<NodeId, number>();
  #refusedSecond = 0;

  constructor(env: Env, liveness: Liveness) {
    this.#env = env;
    this.#liveness = liveness;
  }

  /** Checks a message that `from` handed over; listened to is only who is followed, and what is kept of its messages goes with its seat. */
  take(bytes: Uint8Array, from: NodeId, now: Now): ObservationResult {
    // Unread: somebody else may say it, and say it for the first time.
    if (this.#refusals(from, now) >= REFUSED_PER_SECOND_MAX) return refuse("unheard", "rate");
    const result = this.#take(bytes, now);
    if (!result.ok && !BLAMELESS.has(result.reason))
      this.#refused.set(from, this.#refusals(from, now) + 1);
    return result;
  }

  #take(bytes: Uint8Array, now: Now): ObservationResult {
    const opened = decodeEnvelope(this.#env, bytes, OBSERVATION_BYTES_MAX);
    // A kind of a later version is wrong for nobody (rule SG2).
    if (!opened.ok)
      return refuse(opened.code === "kind-unknown" ? "ignore" : "reject", opened.code);
    const { author, kind, body } = opened.envelope;
    if (kind !== "observation") return refuse("reject", "observation-malformed");
    const subject = this.#liveness.ofMember(author, now);
    if (subject === undefined) return refuse("ignore", "observation-stranger");
    if (!verifyEnvelope(this.#env, opened.envelope)) return refuse("reject", "signature-bad");
    const observation = decodeObservation(this.#env, body);
    if (observation === undefined) return refuse("reject", "observation-malformed");
    const track = (subject.track ??= new AuthorTrack());
    if (!track.isNew(observation)) return refuse("ignore", "observation-replayed");
    if (!track.rate.admit(now.monoMs, OBSERVATIONS_PER_SECOND_MAX)) return refuse("ignore", "rate");
    track.mark(observation);
    track.spokeMonoMs = now.monoMs;
    const dateMonoMs = subject.dating.dateOf(observation, now.monoMs);
    const expireMs = EXPIRE_INTERVALS * this.#env.config.pulseEveryMs;
    if (dateMonoMs !== undefined && now.monoMs - dateMonoMs > expireMs)
      return refuse("ignore", "observation-replayed");
    if (dateMonoMs !== undefined) track.saidMonoMs = Math.max(track.saidMonoMs, dateMonoMs);
    return { ok: true, author, observation, envelope: opened.envelope };
  }

  #refusals(from: NodeId, now: Now): number {
    const second = Math.floor(now.monoMs / 1_000);
    if (second !== this.#refusedSecond) {
      this.#refusedSecond = second;
      this.#refused.clear();
    }
    return this.#refused.get(from) ?? 0;
  }
}

function refuse(validation: Validation, reason: RejectReason): ObservationResult {
  return { ok: false, validation, reason };
}
