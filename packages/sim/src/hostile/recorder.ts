/** Keeps the pulses that pass by, for attackers that replay, hold back or quote them. */
import type { Topic } from "@pulsemesh/core";
import type { Check } from "../checks/check.ts";
import type { Fleet } from "../fleet/fleet.ts";

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
  readonly #pulses = new Map<number, RecordedPulse[]>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  published(from: number, topic: Topic, bytes: Uint8Array): void {
    if (topic !== "pulse") return;
    const pulse = this.#fleet.wire.pulse(bytes);
    if (pulse === undefined || this.#fleet.indexOf(pulse.author) !== from) return;
    const pulses = this.#pulses.get(from) ?? [];
    pulses.push({ bytes, boot: pulse.boot, seq: pulse.seq, atMs: this.#fleet.nowMs });
    if (pulses.length > KEPT_PULSES) pulses.shift();
    this.#pulses.set(from, pulses);
  }

  /** Pulses of one author, oldest first. */
  of(author: number): readonly RecordedPulse[] {
    return this.#pulses.get(author) ?? [];
  }
}
