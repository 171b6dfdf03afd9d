/**
 * When was this pulse sent? (rules PU3, PU4)
 *
 * Intuition: a pulse that travelled without delay arrives at `upMs + offset`, where `offset` is the smallest difference ever seen between
 * the receiver's clock and the sender's up-time. A pulse that was held back, relayed late or replayed arrives later than that, so its
 * date lies in the past, where it belongs. The offset may rise only as fast as clocks drift, so nobody can drag the date along by
 * delaying a stream more and more. The one weak moment is the first pulse of a boot, when there is no offset yet: it counts only once
 * the boot has echoed something that this receiver sent a moment ago, which a recording cannot do.
 *
 * Rejected: a window of recent minima (an attacker waits until the window has run out), and trusting wall clocks (they step).
 */
import type { PulseName } from "../ids.ts";
import { comparePulseNames } from "../ids.ts";
import { OFFSET_RISE_PER_MS } from "../liveness/rules.ts";
import { WallOffset } from "./wall-offset.ts";

/** What a valid pulse of one author says about time. */
export interface DatedFacts {
  readonly boot: number;
  readonly seq: number;
  readonly upMs: number;
  readonly intervalMs: number;
}

export type Dated =
  /** Not above every pulse seen: history. */
  | { readonly type: "replayed" }
  /** A valid, new pulse of a boot that has not yet proved to be live. */
  | { readonly type: "undated" }
  | { readonly type: "dated"; readonly dateMonoMs: number; readonly firstOfBoot: boolean };

/** The dates of one author's pulses at one receiver. */
export class Dating {
  /** What the author's wall clock showed at its dated pulses, against this node's. */
  readonly wall: WallOffset = new WallOffset();
  #boot = 0;
  #newest: PulseName | undefined;
  #newestArrivalMonoMs = 0;
  #offsetMs: number | undefined;
  #offsetAtMonoMs = 0;
  #newestDate: { readonly name: PulseName; readonly dateMonoMs: number } | undefined;
  #jitterMs = 0;

  /** The newest pulse received first hand, dated or not; what the receiver echoes. */
  get newest(): PulseName | undefined {
    return this.#newest;
  }

  /** When the newest pulse arrived first hand, whatever its date. */
  get newestArrivalMonoMs(): number {
    return this.#newestArrivalMonoMs;
  }

  /** The newest dated pulse and its date. */
  get newestDate(): { readonly name: PulseName; readonly dateMonoMs: number } | undefined {
    return this.#newestDate;
  }

  /** Whether the current boot of the author is dated. */
  get isDated(): boolean {
    return this.#offsetMs !== undefined;
  }

  /** Learned deviation of the spacing of dates from the promised interval. */
  get jitterMs(): number {
    return this.#jitterMs;
  }

  /** A valid pulse arrived first hand; `echoes`: it names a pulse that the receiver sent at most two intervals ago. */
  onPulse(pulse: DatedFacts, arrivalMonoMs: number, echoes: boolean): Dated {
    if (this.#newest !== undefined && comparePulseNames(pulse, this.#newest) <= 0)
      return { type: "replayed" };
    if (pulse.boot !== this.#boot) {
      this.#boot = pulse.boot;
      this.#offsetMs = undefined;
      // Its clock may have been set before that boot.
      this.wall.forget();
    }
    this.#newest = { boot: pulse.boot, seq: pulse.seq };
    this.#newestArrivalMonoMs = arrivalMonoMs;
    const candidate = arrivalMonoMs - pulse.upMs;
    if (this.#offsetMs === undefined) {
      if (!echoes) return { type: "undated" };
      this.#offsetMs = candidate;
      this.#offsetAtMonoMs = arrivalMonoMs;
      this.#newestDate = { name: this.#newest, dateMonoMs: arrivalMonoMs };
      return { type: "dated", dateMonoMs: arrivalMonoMs, firstOfBoot: true };
    }
    const elapsedMs = Math.max(0, arrivalMonoMs - this.#offsetAtMonoMs);
    const riseMsMax = Math.min(elapsedMs * OFFSET_RISE_PER_MS, pulse.intervalMs);
    this.#offsetMs = Math.min(candidate, this.#offsetMs + riseMsMax);
    this.#offsetAtMonoMs = arrivalMonoMs;
    return { type: "dated", dateMonoMs: this.#date(pulse, arrivalMonoMs), firstOfBoot: false };
  }

  /**
   * A signed header came as evidence (rule VE3): it is dated by the offset that first-hand pulses taught, and moves nothing else.
   * Undefined when this receiver cannot date that boot.
   */
  dateEvidence(pulse: DatedFacts, nowMonoMs: number): number | undefined {
    return this.dateOf(pulse, nowMonoMs) === undefined ? undefined : this.#date(pulse, nowMonoMs);
  }

  /** When something of the author's current boot was sent, without taking note of it; undefined when that boot is not dated. */
  dateOf(
    sent: { readonly boot: number; readonly upMs: number },
    nowMonoMs: number,
  ): number | undefined {
    if (sent.boot !== this.#boot || this.#offsetMs === undefined) return undefined;
    return Math.min(nowMonoMs, sent.upMs + this.#offsetMs);
  }

  /** This receiver stalled or its clock stepped: what it knew of delays is void until the author echoes it again (rule PU6). */
  forgetOffset(): void {
    this.#offsetMs = undefined;
    this.wall.forget();
  }

  #date(pulse: DatedFacts, arrivalMonoMs: number): number {
    const dateMonoMs = Math.min(arrivalMonoMs, pulse.upMs + (this.#offsetMs as number));
    const previous = this.#newestDate;
    if (previous === undefined || comparePulseNames(pulse, previous.name) > 0) {
      if (previous !== undefined && previous.name.boot === pulse.boot)
        this.#learnJitter(pulse, previous, dateMonoMs);
      const dateKept = Math.max(dateMonoMs, previous?.dateMonoMs ?? Number.NEGATIVE_INFINITY);
      this.#newestDate = { name: { boot: pulse.boot, seq: pulse.seq }, dateMonoMs: dateKept };
    }
    return dateMonoMs;
  }

  #learnJitter(
    pulse: DatedFacts,
    previous: { readonly name: PulseName; readonly dateMonoMs: number },
    dateMonoMs: number,
  ): void {
    const pulsesBetween = pulse.seq - previous.name.seq;
    const lateMs = dateMonoMs - previous.dateMonoMs - pulsesBetween * pulse.intervalMs;
    this.#jitterMs += (Math.max(0, lateMs) - this.#jitterMs) / 16;
  }
}
