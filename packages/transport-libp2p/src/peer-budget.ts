/**
 * How much work one peer may cause in a time, as a token bucket each: so many at once, so many a second after that. Kept by node id and
 * not by connection, or whoever hangs up and comes back would begin anew. What is beyond the budget is dropped unread, because reading it
 * is the cost: a hello makes core sign one and verify two, a direct frame has up to two signatures.
 */
import type { NodeId } from "@pulsemesh/core";

/**
 * Hellos of one peer taken at once. An honest member says one for each connection and one a second while addresses are news; even one
 * that reconnects without a pause stays below this for half a minute, and then its back-off makes up for it.
 */
export const HELLOS_AT_ONCE_MAX: number = 32;
/** Hellos of one peer taken a second, in the long run. */
export const HELLOS_PER_SECOND_MAX: number = 2;
/** Direct frames of one peer taken at once: what its whole queue holds, twice. */
export const DIRECT_FRAMES_AT_ONCE_MAX: number = 512;
/** Direct frames of one peer taken a second, in the long run: an honest member sends a few a minute. */
export const DIRECT_FRAMES_PER_SECOND_MAX: number = 128;
/** Peers whose use is remembered; who was quiet for longest is forgotten first. */
export const BUDGET_PEERS_MAX: number = 4_096;

export interface BudgetLimits {
  readonly atOnceMax: number;
  readonly perSecondMax: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

export class PeerBudget {
  readonly #limits: BudgetLimits;
  /** In the order of their last use. */
  readonly #buckets = new Map<NodeId, Bucket>();

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  /** Takes one from a peer's budget; false when nothing is left. */
  take(node: NodeId, nowMs: number): boolean {
    const { atOnceMax, perSecondMax } = this.#limits;
    const bucket = this.#buckets.get(node) ?? { left: atOnceMax, atMs: nowMs };
    this.#buckets.delete(node);
    if (this.#buckets.size >= BUDGET_PEERS_MAX) this.#forgetOldest();
    this.#buckets.set(node, bucket);
    const earned = ((nowMs - bucket.atMs) / 1_000) * perSecondMax;
    bucket.left = Math.min(atOnceMax, bucket.left + earned);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  #forgetOldest(): void {
    for (const node of this.#buckets.keys()) {
      this.#buckets.delete(node);
      return;
    }
  }
}
