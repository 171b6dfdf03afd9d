/** One gossip message on its way: where it has been, and when the earliest copy on its way to each node will arrive. */
import type { Topic } from "@pulsemesh/core";

export class GossipMessage {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
  readonly #seen: Uint8Array;
  readonly #dueMs: Float64Array;
  readonly #sources: Int16Array;

  constructor(topic: Topic, bytes: Uint8Array, nodes: number) {
    this.topic = topic;
    this.bytes = bytes;
    this.#seen = new Uint8Array(nodes);
    this.#dueMs = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#sources = new Int16Array(nodes);
  }

  hasSeen(node: number): boolean {
    return this.#seen[node] === 1;
  }

  /** @param from who brought it; the node itself where it made it */
  markSeen(node: number, from: number): void {
    this.#seen[node] = 1;
    this.#sources[node] = from;
  }

  /** Who brought it to a node that has seen it. */
  sourceOf(node: number): number {
    return this.#sources[node] as number;
  }

  /** Whether a copy that arrives at this moment would be the first one. */
  isEarliest(node: number, arrivalMs: number): boolean {
    if (arrivalMs >= (this.#dueMs[node] as number)) return false;
    this.#dueMs[node] = arrivalMs;
    return true;
  }
}
