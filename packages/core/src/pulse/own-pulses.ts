/**
 * This node's own pulses (rules PU1, PU3, VE9): numbered, at their promised interval, at once when something flips, and remembered
 * for a moment so that an echo of one can prove another node's boot to be live (rule PU4).
 */
import { Twins } from "../boot/twins.ts";
import type { Env } from "../env.ts";
import type { PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import { ECHO_INTERVALS } from "../liveness/rules.ts";
import { sealPulse, type PulseAttachment } from "./pulse-codec.ts";

/** Own pulses that are remembered for their echo. */
export const SENT_MAX: number = 64;
/** Pulses out of turn are coalesced: at most one in this time. */
export const COALESCE_MS: number = 50;
/** Whom a pulse is for, in a fleet where witnesses are few (rule PU8). */
export type PulseReach = "witnesses" | "everybody";
/** Pulses that carry the sender's doubt after a stall. */
const DOUBT_PULSES = 3;

export class OwnPulses {
  readonly #env: Env;
  readonly #reach: (isNews: boolean, now: Now) => PulseReach;
  readonly #attachment: (reach: PulseReach, now: Now) => PulseAttachment;
  readonly #deliver: (bytes: Uint8Array, reach: PulseReach) => void;
  #boot = 0;
  #seq = 0;
  #bootMonoMs = 0;
  #dueMonoMs = Number.POSITIVE_INFINITY;
  #lastMonoMs = Number.NEGATIVE_INFINITY;
  #latest: Uint8Array | undefined;
  #sent: { readonly seq: number; readonly atMonoMs: number }[] = [];
  #lagMs = 0;
  #doubtPulses = 0;
  #pausedForMs: number | undefined;
  #goodbye = false;
  /** Whoever else pulses under the own key. */
  readonly twins: Twins;

  constructor(
    env: Env,
    how: {
      /** Asked first for each pulse; `isNews` where its header concerns more than the witnesses. */
      readonly reach: (isNews: boolean, now: Now) => PulseReach;
      /** Asked for each pulse as it is made. */
      readonly attachment: (reach: PulseReach, now: Now) => PulseAttachment;
      /** Takes it to whom it is for. */
      readonly deliver: (bytes: Uint8Array, reach: PulseReach) => void;
    },
  ) {
    this.#env = env;
    this.#reach = how.reach;
    this.#attachment = how.attachment;
    this.#deliver = how.deliver;
    this.twins = new Twins(env.config.pulseEveryMs);
  }

  get boot(): number {
    return this.#boot;
  }

  get seq(): number {
    return this.#seq;
  }

  /** The newest own pulse as sent, for peers that have just connected. */
  get latest(): Uint8Array | undefined {
    return this.#latest;
  }

  /** When the next regular pulse is due; a node that is much later than that was stalled. */
  get dueMonoMs(): number {
    return this.#dueMonoMs;
  }

  upMs(now: Now): number {
    return now.monoMs - this.#bootMonoMs;
  }

  set lagMs(lagMs: number) {
    this.#lagMs = lagMs;
  }

  /** Starts pulsing under a boot that is durable; the first pulse goes out at once. */
  start(boot: number, now: Now): void {
    this.#boot = boot;
    this.#seq = 0;
    this.#bootMonoMs = now.monoMs;
    this.#sent = [];
    this.#latest = undefined;
    this.publish(now);
  }

  /** Nothing is pulsed until the next {@link start}: a new boot is being made durable. */
  suspend(): void {
    this.#dueMonoMs = Number.POSITIVE_INFINITY;
    this.#boot = 0;
  }

  /** Asks for a pulse out of turn, at most one every `atMostEveryMs`. */
  request(now: Now, atMostEveryMs: number = COALESCE_MS): void {
    if (this.#boot === 0) return;
    const atMonoMs = Math.max(now.monoMs, this.#lastMonoMs + atMostEveryMs);
    if (atMonoMs < this.#dueMonoMs) this.#plan(atMonoMs);
  }

  /** The timer fired: pulse if one is due. */
  onTimer(now: Now): void {
    if (this.#boot === 0) return;
    if (now.monoMs >= this.#dueMonoMs) this.publish(now);
    else this.#plan(this.#dueMonoMs);
  }

  /** This node stalled or its clock stepped: its next pulses say so, and no earlier pulse may be echoed any more (rule PU6). */
  doubt(): void {
    this.#doubtPulses = DOUBT_PULSES;
    this.#sent = [];
  }

  /** Announces a planned absence or a goodbye in one last pulse; returns it. */
  announceStop(
    stop: { readonly pausedForMs: number | undefined; readonly goodbye: boolean },
    now: Now,
  ): Uint8Array {
    this.#pausedForMs = stop.pausedForMs;
    this.#goodbye = stop.goodbye;
    const bytes = this.publish(now);
    this.#dueMonoMs = Number.POSITIVE_INFINITY;
    return bytes;
  }

  /** Whether `name` is an own pulse that was sent at most two intervals ago. */
  isRecent(name: PulseName, now: Now): boolean {
    if (name.boot !== this.#boot) return false;
    // Numbers are consecutive, so the place of one follows from the first.
    const sent = this.#sent[name.seq - (this.#sent[0]?.seq ?? 0)];
    return (
      sent !== undefined &&
      now.monoMs - sent.atMonoMs <= ECHO_INTERVALS * this.#env.config.pulseEveryMs
    );
  }

  /** Signs and publishes a pulse now. */
  publish(now: Now): Uint8Array {
    const { config } = this.#env;
    this.#seq += 1;
    const header = {
      boot: this.#boot,
      seq: this.#seq,
      upMs: this.upMs(now),
      wallMs: now.wallMs,
      intervalMs: config.pulseEveryMs,
      lagMs: this.#lagMs,
      doubt: this.#doubtPulses > 0,
      pausedForMs: this.#pausedForMs,
      goodbye: this.#goodbye,
      twin: this.twins.echo(now),
    };
    this.twins.sent(header, now);
    if (this.#doubtPulses > 0) this.#doubtPulses -= 1;
    const reach = this.#reach(header.goodbye || header.pausedForMs !== undefined, now);
    const bytes = sealPulse(this.#env, header, this.#attachment(reach, now));
    this.#latest = bytes;
    this.#lastMonoMs = now.monoMs;
    this.#sent.push({ seq: this.#seq, atMonoMs: now.monoMs });
    if (this.#sent.length > SENT_MAX) this.#sent.shift();
    this.#deliver(bytes, reach);
    this.#plan(now.monoMs + config.pulseEveryMs);
    return bytes;
  }

  #plan(atMonoMs: number): void {
    this.#dueMonoMs = atMonoMs;
    this.#env.out.setTimer("pulse", atMonoMs);
  }
}
