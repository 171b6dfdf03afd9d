/** What comes under this node's own key: pulses and headers that it never made, and what they mean (rules PU3, BK1). */
import { FOREIGN_PULSES_PER_SECOND_MAX, type Twins } from "../boot/twins.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { OwnPulses } from "../pulse/own-pulses.ts";
import type { PulseHeader } from "../pulse/pulse-codec.ts";
import { RateWindow } from "../rate-window.ts";

export interface TwinListener {
  /** Another process is proved to be alive under the own key, or is gone; `from` handed over the last word of it. */
  twin(change: "found" | "over", twin: PulseName, from: NodeId | undefined, now: Now): void;
}

const ABOVE_ALL: PulseName = { boot: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

export class TwinWatch {
  readonly #pulses: OwnPulses;
  readonly #listener: TwinListener;
  readonly #answerEveryMs: number;
  readonly #rate = new RateWindow();

  constructor(pulses: OwnPulses, listener: TwinListener, answerEveryMs: number) {
    this.#pulses = pulses;
    this.#listener = listener;
    this.#answerEveryMs = answerEveryMs;
  }

  /**
   * What a pulse under the own key has to be above to be looked at. One above the own always is: either this node must rise above it, once, or it
   * is a forgery, as of any other member's, and whoever hands it on is charged. Below, any recording of another process would be verified
   * for ever, and nobody charged: so few in a second, none of them used up by forgeries.
   */
  newestOwn(header: PulseHeader, now: Now): PulseName | undefined {
    const { boot, seq } = this.#pulses;
    // Between two boots nothing is above the one to come: replayed own pulses must not keep it from beginning.
    if (boot === 0) return ABOVE_ALL;
    const own = { boot, seq };
    if (comparePulseNames(header, own) > 0 || !this.#twins.isForeign(header)) return own;
    return this.#rate.admit(now.monoMs, FOREIGN_PULSES_PER_SECOND_MAX) ? undefined : own;
  }

  /** A header under the own key, its signature verified. */
  onHeader(header: PulseHeader, from: NodeId, now: Now): void {
    if (!this.#twins.isForeign(header)) return;
    this.#tell(this.#twins.onHeader(header, now), from, now);
    // It proves nothing to the other process before it has been answered.
    if (header.twin?.isProved !== true) this.#pulses.request(now, this.#answerEveryMs);
  }

  /** With every input: is the twin gone? */
  check(now: Now): void {
    this.#tell(this.#twins.check(now), undefined, now);
  }

  get #twins(): Twins {
    return this.#pulses.twins;
  }

  #tell(change: "none" | "found" | "over", from: NodeId | undefined, now: Now): void {
    const { newest } = this.#twins;
    if (change !== "none" && newest !== undefined) this.#listener.twin(change, newest, from, now);
  }
}
