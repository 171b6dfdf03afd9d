/** P6: everything is bounded. What goes out fits its limits, inputs have few effects, timers are few, nothing piles up at the disk. */
import { DIRECT_FRAME_BYTES_MAX, GOSSIP_BYTES_MAX, SYNC_FRAME_BYTES_MAX } from "@pulsemesh/core";
import type { Channel, Effect, Input, Topic } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

/** Largest pulse (rule PU1). */
const PULSE_BYTES = 8 * 1024;
/** Effects of one input: a peer-up in a large fleet sends a page of entries, a committed boot a pulse and a header. */
export const EFFECTS_MAX: number = 512;
/** Effects of one node that wait for its disk. */
export const WAITING_MAX: number = 2_000;
/** Wake-ups that a node plans in one second, on the average of a minute. */
const TIMERS_PER_MINUTE = 60 * 60;

export class BoundsCheck implements Check {
  readonly #fleet: Fleet;
  readonly #timers: Float64Array;
  readonly #reported = new Set<string>();
  #minute = 0;
  largestPulseBytes = 0;
  mostEffects = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#timers = new Float64Array(fleet.nodes.length);
  }

  handled(node: SimNode, input: Input, effects: readonly Effect[]): void {
    this.mostEffects = Math.max(this.mostEffects, effects.length);
    if (effects.length > EFFECTS_MAX)
      this.#reportOnce(`${input.type} of node ${node.index} has ${effects.length} effects`);
    for (const effect of effects) {
      if (effect.type === "set-timer")
        this.#timers[node.index] = (this.#timers[node.index] as number) + 1;
    }
    if (
      input.type === "gossip" &&
      effects[0]?.type !== "validate" &&
      effects.every(({ type }) => type !== "validate")
    ) {
      this.#reportOnce(`node ${node.index} does not answer a gossip message`);
    }
  }

  published(from: number, topic: Topic, bytes: Uint8Array): void {
    const limit = topic === "pulse" ? PULSE_BYTES : GOSSIP_BYTES_MAX;
    if (topic === "pulse") this.largestPulseBytes = Math.max(this.largestPulseBytes, bytes.length);
    if (bytes.length > limit)
      this.#reportOnce(`node ${from} publishes ${bytes.length} bytes on ${topic}`);
  }

  sent(from: number, _to: number, channel: Channel, bytes: Uint8Array): void {
    const limit = channel === "direct" ? DIRECT_FRAME_BYTES_MAX : SYNC_FRAME_BYTES_MAX;
    if (bytes.length > limit)
      this.#reportOnce(`node ${from} sends ${bytes.length} bytes on ${channel}`);
  }

  sample(): void {
    for (const node of this.#fleet.nodes) {
      if (node.waiting > WAITING_MAX)
        this.#reportOnce(`${node.waiting} effects of node ${node.index} wait for its disk`);
    }
    const minute = Math.floor(this.#fleet.nowMs / 60_000);
    if (minute === this.#minute) return;
    this.#minute = minute;
    for (const node of this.#fleet.nodes) {
      const timers = this.#timers[node.index] as number;
      if (timers > TIMERS_PER_MINUTE)
        this.#reportOnce(`node ${node.index} planned ${timers} timers in a minute`);
    }
    this.#timers.fill(0);
  }

  #reportOnce(text: string): void {
    const key = text.replaceAll(/\d+/g, "#");
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#fleet.report("P6", text);
  }
}
