/** Counts the distinct views of who is `down` that nodes go through: a fleet that agrees goes from one to the next in one step. */
import type { Check } from "../checks/check.ts";
import { quantile } from "../checks/detection.ts";
import type { Fleet } from "../fleet/fleet.ts";

export interface Views {
  /** Most distinct views at one moment, over the whole run. */
  readonly atOnceMax: number;
  /** Distinct views after the first that the middle one, and the worst, of the nodes that lived all the while showed at a look. */
  readonly perNodeP50: number;
  readonly perNodeMax: number;
}

export class ViewMeter implements Check {
  readonly #fleet: Fleet;
  readonly #fromMs: number;
  readonly #seen: Set<number>[];
  #changes = -1;
  #atOnceMax = 0;

  /** @param fromMs when the fleet has come up */
  constructor(fleet: Fleet, fromMs: number) {
    this.#fleet = fleet;
    this.#fromMs = fromMs;
    this.#seen = fleet.nodes.map(() => new Set());
  }

  get result(): Views {
    const { nodes, truth, hostile } = this.#fleet;
    const counts = nodes
      .filter(({ index }) => truth.isLive(index) && truth.liveSinceMs(index) < this.#fromMs)
      .filter(({ index }) => !hostile.has(index))
      .map(({ index }) => (this.#seen[index]?.size ?? 1) - 1)
      .toSorted((a, b) => a - b);
    return {
      atOnceMax: this.#atOnceMax,
      perNodeP50: quantile(counts, 0.5) ?? 0,
      perNodeMax: counts.at(-1) ?? 0,
    };
  }

  sample(): void {
    const { nodes, nowMs, truth, hostile, board } = this.#fleet;
    if (nowMs < this.#fromMs || board.changes === this.#changes) return;
    this.#changes = board.changes;
    const views = new Set<number>();
    for (const { index } of nodes) {
      if (!truth.isLive(index) || hostile.has(index)) continue;
      const hash = board.downHash(index);
      views.add(hash);
      this.#seen[index]?.add(hash);
    }
    this.#atOnceMax = Math.max(this.#atOnceMax, views.size);
  }
}
