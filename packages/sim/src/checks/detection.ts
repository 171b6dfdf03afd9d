/** Measures DESIGN §9: from the death of a node to the verdict on 99% of the live nodes that can know. */
import type { CoreEvent } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

interface Death {
  readonly atMs: number;
  readonly delaysMs: Map<number, number>;
  /** Live nodes of a majority all the while: who could know. */
  readonly viewers: Set<number>;
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

  /** Deaths that lasted until the end and were not found by so many. Who has left is looked for by nobody (rule VE1). */
  get unfound(): number {
    const { truth } = this.#fleet;
    return [...this.#open.keys()].filter((node) => !truth.hasLeft(node)).length;
  }

  lifeChanged(node: SimNode): void {
    const { truth, nowMs } = this.#fleet;
    if (truth.isLive(node.index)) {
      this.#open.delete(node.index);
      return;
    }
    for (const death of this.#open.values()) death.viewers.delete(node.index);
    const viewers = this.#fleet.nodes.filter(
      ({ index }) => truth.isLive(index) && truth.hasMajority(index),
    );
    this.#open.set(node.index, {
      atMs: nowMs,
      delaysMs: new Map(),
      viewers: new Set(viewers.map(({ index }) => index)),
    });
  }

  sample(): void {
    const { truth } = this.#fleet;
    for (const death of this.#open.values()) {
      for (const viewer of death.viewers)
        if (!truth.hasMajority(viewer)) death.viewers.delete(viewer);
    }
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type !== "verdict" || event.kind !== "down") return;
    const subject = this.#fleet.indexOf(event.subject) ?? -1;
    const death = this.#open.get(subject);
    if (death === undefined || death.delaysMs.has(node.index) || !death.viewers.has(node.index))
      return;
    death.delaysMs.set(node.index, this.#fleet.nowMs - death.atMs);
    if (death.delaysMs.size < Math.ceil(SHARE_OF_NODES * death.viewers.size)) return;
    const delays = [...death.viewers].flatMap((viewer) => death.delaysMs.get(viewer) ?? []);
    if (delays.length < Math.ceil(SHARE_OF_NODES * death.viewers.size)) return;
    this.#open.delete(subject);
    this.#delaysMs.push(Math.max(...delays));
  }
}

/** The value below which a share of sorted values lies; undefined when there are none. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
