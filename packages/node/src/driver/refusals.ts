/**
 * Who does not let this node in, and why, by its own word (rule AD11): the reason is to be found where people look, and not in the log of somebody else
 * alone. Anybody may say anything, so nothing is decided by it.
 */
import type { NodeId } from "@pulsemesh/core";

/** Nodes remembered; beyond it the one that said so first is forgotten. */
export const REFUSALS_MAX: number = 64;

export interface Refusal {
  readonly node: NodeId;
  readonly reason: string;
  /** When it said so last. */
  readonly monoMs: number;
}

export class Refusals {
  /** In the order in which they were said. */
  readonly #byNode = new Map<NodeId, Refusal>();

  add(refusal: Refusal): void {
    this.#byNode.delete(refusal.node);
    for (const node of this.#byNode.keys())
      if (this.#byNode.size >= REFUSALS_MAX) this.#byNode.delete(node);
    this.#byNode.set(refusal.node, refusal);
  }

  /** It has let this node in since. */
  remove(node: NodeId): void {
    this.#byNode.delete(node);
  }

  /** The last one to say so comes last. */
  list(): readonly Refusal[] {
    return [...this.#byNode.values()];
  }
}
