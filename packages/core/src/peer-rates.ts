/** How often each peer has done something, in the second under way: whoever does it too often takes nothing from the others. */
import type { NodeId } from "./ids.ts";
import { RateWindow } from "./rate-window.ts";

export class PeerRates {
  /** In the second under way only, so that peers that were here once fill no memory. */
  readonly #rates = new Map<NodeId, RateWindow>();
  #second = 0;

  /** Counts one of that peer; false where it is beyond `perSecondMax`. */
  admit(peer: NodeId, monoMs: number, perSecondMax: number): boolean {
    const second = Math.floor(monoMs / 1_000);
    if (second !== this.#second) this.#rates.clear();
    this.#second = second;
    const rate = this.#rates.get(peer) ?? new RateWindow();
    this.#rates.set(peer, rate);
    return rate.admit(monoMs, perSecondMax);
  }
}
