/** One gossip message on its way: where it has been, and when the earliest copy on its way to each node will arrive. */
import type { Topic } from "@pulsemesh/core";

/** A copy takes about so long to be known at the other end. */
const ON_THE_WAY_MS = 5;

export class GossipMessage {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
  readonly #seen: Uint8Array;
  readonly #dueMs: Float64Array;
  readonly #sources: Int16Array;
  /** When each node began to send it to others. */
  readonly #spreadMs: Float64Array;

  constructor(topic: Topic, bytes: Uint8Array, nodes: number) {
    this.topic = topic;
    this.bytes = bytes;
    this.#seen = new Uint8Array(nodes);
    this.#dueMs = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#sources = new Int16Array(nodes);
    this.#spreadMs = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
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

  markSpread(node: number, atMs: number): void {
    this.#spreadMs[node] = atMs;
  }

  /** Whether a node had sent it long enough ago for its neighbours to have it from there. */
  hasSentBy(node: number, atMs: number): boolean {
    return (this.#spreadMs[node] as number) + ON_THE_WAY_MS <= atMs;
  }

  /** Whether a copy that arrives at this moment would be the first one. */
  isEarliest(node: number, arrivalMs: number): boolean {
    if (arrivalMs >= (this.#dueMs[node] as number)) return false;
    this.#dueMs[node] = arrivalMs;
    return true;
  }
}
