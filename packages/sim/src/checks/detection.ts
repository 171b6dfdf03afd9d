/** Measures DESIGN §9: from the death of a node to the verdict on 99% of the live nodes that can know. */
import type { CoreEvent } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

interface Death {
  readonly atMs: number;
  readonly delaysMs: Map<number, number>;
  readonly viewers: number;
}

const SHARE_OF_NODES = 0.99;

export class DetectionMeter implements Check {
  readonly #fleet: Fleet;
  readonly #open = new Map<number, Death>();
  readonly #delaysMs: number[] = [];

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Deaths that 99% of the live nodes found, in ms from the death, sorted. */
  get delaysMs(): readonly number[] {
    return this.#delaysMs.toSorted((a, b) => a - b);
  }

  lifeChanged(node: SimNode): void {
    const { truth, nowMs } = this.#fleet;
    if (truth.isLive(node.index)) {
      this.#open.delete(node.index);
      return;
    }
    const viewers = this.#fleet.nodes.filter(({ index }) => truth.isLive(index) && truth.hasMajority(index));
    this.#open.set(node.index, { atMs: nowMs, delaysMs: new Map(), viewers: viewers.length });
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type !== "verdict" || event.kind !== "down") return;
    const subject = this.#fleet.indexOf(event.subject) ?? -1;
    const death = this.#open.get(subject);
    if (death === undefined || death.delaysMs.has(node.index)) return;
    death.delaysMs.set(node.index, this.#fleet.nowMs - death.atMs);
    if (death.delaysMs.size < Math.ceil(SHARE_OF_NODES * death.viewers)) return;
    this.#open.delete(subject);
    this.#delaysMs.push(Math.max(...death.delaysMs.values()));
  }
}

/** The value below which a share of sorted values lies; undefined when there are none. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
