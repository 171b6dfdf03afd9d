/**
 * How often strangers may try to enrol (rule ME7). Guessing a secret is hopeless at any rate; what is bounded here is the work that trying makes. Both counts
 * begin anew each minute, and whoever is over his own does not use up everybody's.
 */
import type { NodeId } from "@pulsemesh/core";

/** Attempts of one peer in a minute. */
export const ENROLS_PER_PEER_MAX: number = 6;
/** Attempts of all peers in a minute. */
export const ENROLS_MAX: number = 120;

const WINDOW_MS = 60_000;

export class EnrolRate {
  #window = Number.NEGATIVE_INFINITY;
  #count = 0;
  /** No more peers than attempts that were let through in this minute. */
  readonly #ofPeer = new Map<NodeId, number>();

  /** Counts an attempt; false when it is one too many. */
  admit(peer: NodeId, nowMonoMs: number): boolean {
    const window = Math.floor(nowMonoMs / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#count = 0;
      this.#ofPeer.clear();
    }
    const tried = this.#ofPeer.get(peer) ?? 0;
    if (tried >= ENROLS_PER_PEER_MAX || this.#count >= ENROLS_MAX) return false;
    this.#ofPeer.set(peer, tried + 1);
    this.#count += 1;
    return true;
  }
}
