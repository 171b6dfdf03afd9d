/** Counts what nodes make and send themselves: bytes per node and second, by topic and channel (relayed gossip is the transport's). */
import type { Channel, Topic } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { Check } from "./check.ts";

export interface Traffic {
  /** Bytes per node and second of virtual time, by topic or channel. */
  readonly bytesPerNodeSecond: Readonly<Record<string, number>>;
  readonly messages: number;
}

export class TrafficMeter implements Check {
  readonly #fleet: Fleet;
  readonly #bytes = new Map<string, number>();
  #messages = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  get result(): Traffic {
    const nodeSeconds = (this.#fleet.nodes.length * this.#fleet.nowMs) / 1_000;
    const rates = [...this.#bytes].map(
      ([name, bytes]) => [name, Math.round(bytes / nodeSeconds)] as const,
    );
    return { bytesPerNodeSecond: Object.fromEntries(rates), messages: this.#messages };
  }

  published(_from: number, topic: Topic, bytes: Uint8Array): void {
    this.#count(topic, bytes.length);
  }

  sent(_from: number, _to: number, channel: Channel, bytes: Uint8Array): void {
    this.#count(channel, bytes.length);
  }

  #count(name: string, bytes: number): void {
    this.#messages += 1;
    this.#bytes.set(name, (this.#bytes.get(name) ?? 0) + bytes);
  }
}
