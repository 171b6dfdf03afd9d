/**
 * Bytes and messages of each node, each way: payloads as core made them, each copy that a link carries counted once at either end. What
 * libp2p adds to each (frames, encryption, topic names) is not in it.
 */

/** What one node sent or received. */
export interface NodeTraffic {
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly messagesOut: number;
  readonly messagesIn: number;
}

export class TrafficCount {
  readonly #all: Counters;
  readonly #pulses: Counters;

  constructor(nodes: number) {
    this.#all = new Counters(nodes);
    this.#pulses = new Counters(nodes);
  }

  /** One copy was put on a link; lost ones were paid for, too. */
  copied(from: number, to: number, bytes: number, isPulse: boolean): void {
    this.#all.add(from, to, bytes);
    if (isPulse) this.#pulses.add(from, to, bytes);
  }

  /** Everything of a node so far, or its pulses alone: own, received and passed on. */
  of(node: number, what: "all" | "pulses"): NodeTraffic {
    return (what === "all" ? this.#all : this.#pulses).of(node);
  }
}

class Counters {
  readonly #bytesOut: Float64Array;
  readonly #bytesIn: Float64Array;
  readonly #messagesOut: Float64Array;
  readonly #messagesIn: Float64Array;

  constructor(nodes: number) {
    this.#bytesOut = new Float64Array(nodes);
    this.#bytesIn = new Float64Array(nodes);
    this.#messagesOut = new Float64Array(nodes);
    this.#messagesIn = new Float64Array(nodes);
  }

  add(from: number, to: number, bytes: number): void {
    this.#bytesOut[from] = (this.#bytesOut[from] as number) + bytes;
    this.#bytesIn[to] = (this.#bytesIn[to] as number) + bytes;
    this.#messagesOut[from] = (this.#messagesOut[from] as number) + 1;
    this.#messagesIn[to] = (this.#messagesIn[to] as number) + 1;
  }

  of(node: number): NodeTraffic {
    return {
      bytesOut: this.#bytesOut[node] as number,
      bytesIn: this.#bytesIn[node] as number,
      messagesOut: this.#messagesOut[node] as number,
      messagesIn: this.#messagesIn[node] as number,
    };
  }
}
