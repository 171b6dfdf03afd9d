/**
 * Bytes and messages of each node, each way: payloads as core made them, each copy that a link carries counted once at either end, and what libp2p adds
 * to each where that is asked for.
 */

/** What one node sent or received. */
export interface NodeTraffic {
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly messagesOut: number;
  readonly messagesIn: number;
}

/** What libp2p adds to each copy, in bytes. */
export interface WireCost {
  /** A gossip message: topic name, protobuf, yamux and noise. */
  readonly gossip: number;
  /** A frame of a stream: its length, yamux and noise. */
  readonly frame: number;
}

export const PAYLOAD_ALONE: WireCost = { gossip: 0, frame: 0 };
export const LIBP2P_ADDS: WireCost = { gossip: 150, frame: 34 };

interface Copy {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly isPulse: boolean;
}

export class TrafficCount {
  readonly #all: Counters;
  readonly #pulses: Counters;

  readonly #adds: WireCost;

  constructor(nodes: number, adds: WireCost) {
    this.#adds = adds;
    this.#all = new Counters(nodes);
    this.#pulses = new Counters(nodes);
  }

  /** One copy was put on a link; lost ones were paid for, too. */
  copied(as: keyof WireCost, { from, to, bytes: payload, isPulse }: Copy): void {
    const bytes = payload + this.#adds[as];
    this.#all.add(from, to, bytes);
    if (isPulse) this.#pulses.add(from, to, bytes);
  }

  /** What the transport says by itself. */
  kept(from: number, to: number, bytes: number): void {
    this.#all.add(from, to, bytes);
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
