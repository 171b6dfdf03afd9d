/**
 * Who loses or delays what it sends may be `late`, or `unknown` as its pulses prove no life (rule PU7): that is no death, and no check of what is said of the
 * living asks more.
 */
import type { Fleet } from "../fleet/fleet.ts";

/** Until what it sent late has come, and what was said of that is over. */
const AFTER_INTERVALS = 5;

export class GrayLinks {
  readonly #fleet: Fleet;
  /** When it was last so, by node. */
  readonly #lastMs = new Map<number, number>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Whether what a node sends is lost or late more than all else, or was at the last look a moment ago. */
  isGray(node: number, afterIntervals: number = AFTER_INTERVALS): boolean {
    const { nowMs, network, pulseEveryMs } = this.#fleet;
    if (network.links.isLossy(node)) this.#lastMs.set(node, nowMs);
    const beforeMs = nowMs - (this.#lastMs.get(node) ?? Number.NEGATIVE_INFINITY);
    return beforeMs <= afterIntervals * pulseEveryMs;
  }
}
