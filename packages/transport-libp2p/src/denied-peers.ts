/**
 * Nodes whose key counts no more, hung up on as soon as a connection has proved that it is they: without multiplexing, or a hello. Whoever keeps
 * them asks core each time whether that is so still; from time to time they say hello all the same, as it may be another reason by then.
 */
import type { NodeId } from "@pulsemesh/core";

/** Nodes remembered; beyond it the one that was denied first says hello once more. */
export const DENIED_PEERS_MAX: number = 1_024;
/** How long a node is denied, in milliseconds. */
export const DENIED_MS: number = 60_000;

export class DeniedPeers {
  /** Until when, in the order in which they were denied. */
  readonly #untilMs = new Map<NodeId, number>();

  deny(node: NodeId, nowMs: number): void {
    this.#untilMs.delete(node);
    if (this.#untilMs.size >= DENIED_PEERS_MAX) this.#forgetFirst();
    this.#untilMs.set(node, nowMs + DENIED_MS);
  }

  /** What revoked it counts no more. */
  allow(node: NodeId): void {
    this.#untilMs.delete(node);
  }

  isDenied(node: NodeId, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(node);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#untilMs.delete(node);
    return false;
  }

  #forgetFirst(): void {
    for (const node of this.#untilMs.keys()) {
      this.#untilMs.delete(node);
      return;
    }
  }
}
