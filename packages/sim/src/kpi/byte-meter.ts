/**
 * Bytes and messages of a node and second each way, over the fleet: what passes through it, relayed copies included. From the start on, or from when the fleet
 * has settled: a large one gossips its pulses for three minutes first, which outweighs minutes of what it costs for good.
 */
import type { Check } from "../checks/check.ts";
import { quantile } from "../checks/detection.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { NodeTraffic } from "../network/traffic-count.ts";

/** Of all nodes the average one and the 99th of a hundred, a second. */
interface Rate {
  readonly mean: number;
  readonly p99: number;
}

export type TrafficRates = Readonly<Record<keyof NodeTraffic, Rate>>;

export interface Bytes {
  readonly pulses: TrafficRates;
  readonly all: TrafficRates;
}

type What = "all" | "pulses";

const NAMES = ["bytesOut", "bytesIn", "messagesOut", "messagesIn"] as const;

export class ByteMeter implements Check {
  readonly #fleet: Fleet;
  readonly #liveMs: Float64Array;
  /** What had passed through each node when counting began. */
  #before: readonly Record<What, NodeTraffic>[] = [];
  #lookedMs = 0;
  #nodeMs = 0;

  /** @param fromMs virtual time from which on bytes are counted; node-hours are from the start on in any case */
  constructor(fleet: Fleet, fromMs: number = 0) {
    this.#fleet = fleet;
    this.#liveMs = new Float64Array(fleet.nodes.length);
    if (fromMs > 0) fleet.at(fromMs, () => this.#begin());
  }

  /** Time that live nodes spent together, in hours. */
  get nodeHours(): number {
    return this.#nodeMs / 3_600_000;
  }

  get result(): Bytes {
    return { pulses: this.#ratesOf("pulses"), all: this.#ratesOf("all") };
  }

  sample(): void {
    const { nodes, nowMs, truth } = this.#fleet;
    const forMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    for (const { index } of nodes) {
      if (!truth.isLive(index)) continue;
      this.#liveMs[index] = (this.#liveMs[index] as number) + forMs;
      this.#nodeMs += forMs;
    }
  }

  #begin(): void {
    const { nodes, network } = this.#fleet;
    const read = (node: number): Record<What, NodeTraffic> => ({
      all: network.traffic.of(node, "all"),
      pulses: network.traffic.of(node, "pulses"),
    });
    this.sample();
    this.#before = nodes.map(({ index }) => read(index));
    this.#liveMs.fill(0);
  }

  #ratesOf(what: What): TrafficRates {
    const { nodes, network } = this.#fleet;
    // Rates of a node that hardly lived say nothing.
    const lived = nodes.filter(({ index }) => (this.#liveMs[index] as number) > 10_000);
    const rateOf = (name: (typeof NAMES)[number]): Rate => {
      const rates = lived
        .map(({ index }) => {
          const seconds = (this.#liveMs[index] as number) / 1_000;
          const before = this.#before[index]?.[what][name] ?? 0;
          return (network.traffic.of(index, what)[name] - before) / seconds;
        })
        .toSorted((a, b) => a - b);
      const sum = rates.reduce((total, rate) => total + rate, 0);
      return {
        mean: rates.length === 0 ? 0 : sum / rates.length,
        p99: quantile(rates, 0.99) ?? 0,
      };
    };
    const [out, into, sent, received] = NAMES.map(rateOf) as [Rate, Rate, Rate, Rate];
    return { bytesOut: out, bytesIn: into, messagesOut: sent, messagesIn: received };
  }
}
