/** Counts how often nodes that are in trouble are given another status, by each of the others. */
import type { CoreEvent } from "@pulsemesh/core";
import type { Check } from "../checks/check.ts";
import { quantile } from "../checks/detection.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";

export interface Changes {
  /** Changes that the middle one of the others shows of a faulty node in ten minutes, on the average of the faulty nodes. */
  readonly mean: number;
  /** The same of the faulty node that has most of them. */
  readonly max: number;
}

const PER_MS = 600_000;

export class ChangeMeter implements Check {
  readonly #fleet: Fleet;
  readonly #faulty: ReadonlySet<number>;
  readonly #fromMs: number;
  /** By faulty node: changes by viewer. */
  readonly #changes = new Map<number, Map<number, number>>();

  /**
   * @param faulty nodes that the scenario does something to
   * @param fromMs when the fleet has come up: what is said before is not counted
   */
  constructor(fleet: Fleet, faulty: ReadonlySet<number>, fromMs: number) {
    this.#fleet = fleet;
    this.#faulty = faulty;
    this.#fromMs = fromMs;
  }

  get result(): Changes | undefined {
    const { nodes, nowMs } = this.#fleet;
    const rates = [...this.#faulty].map((subject) => {
      const counts = [...(this.#changes.get(subject)?.values() ?? [])];
      const silent = nodes.length - 1 - counts.length;
      const all = [...Array.from({ length: silent }, () => 0), ...counts].toSorted((a, b) => a - b);
      return ((quantile(all, 0.5) ?? 0) * PER_MS) / (nowMs - this.#fromMs);
    });
    if (rates.length === 0) return undefined;
    const sum = rates.reduce((total, rate) => total + rate, 0);
    return { mean: sum / rates.length, max: Math.max(...rates) };
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type !== "node-status" || this.#fleet.nowMs < this.#fromMs) return;
    const subject = this.#fleet.indexOf(event.node);
    if (subject === undefined || !this.#faulty.has(subject) || subject === node.index) return;
    const counts = this.#changes.get(subject) ?? new Map<number, number>();
    this.#changes.set(subject, counts.set(node.index, (counts.get(node.index) ?? 0) + 1));
  }
}
