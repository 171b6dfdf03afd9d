/** Keeps the pulses that come by one node, for attackers that replay, hold back or quote them. */
import type { Input } from "@pulsemesh/core";
import type { Check } from "../checks/check.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";

/** Pulses of one author that are kept. */
const KEPT_PULSES = 600;

export interface RecordedPulse {
  readonly bytes: Uint8Array;
  readonly boot: number;
  readonly seq: number;
  readonly atMs: number;
}

export class Recorder implements Check {
  readonly #fleet: Fleet;
  readonly #at: number;
  readonly #pulses = new Map<number, RecordedPulse[]>();

  /** `at` is the node that listens. */
  constructor(fleet: Fleet, at: number) {
    this.#fleet = fleet;
    this.#at = at;
  }

  handled(node: SimNode, input: Input): void {
    if (node.index !== this.#at || (input.type !== "gossip" && input.type !== "message")) return;
    const pulse = this.#fleet.wire.pulse(input.bytes);
    const author = this.#fleet.indexOf(pulse?.author ?? "");
    if (pulse === undefined || author === undefined) return;
    const pulses = this.#pulses.get(author) ?? [];
    const newest = pulses.at(-1);
    if (
      newest !== undefined &&
      (newest.boot > pulse.boot || (newest.boot === pulse.boot && newest.seq >= pulse.seq))
    )
      return;
    pulses.push({ bytes: input.bytes, boot: pulse.boot, seq: pulse.seq, atMs: this.#fleet.nowMs });
    if (pulses.length > KEPT_PULSES) pulses.shift();
    this.#pulses.set(author, pulses);
  }

  /** Pulses of one author, oldest first. */
  of(author: number): readonly RecordedPulse[] {
    return this.#pulses.get(author) ?? [];
  }
}
