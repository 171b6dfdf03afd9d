/** P5, first half: no (boot, seq) of a pulse or an observation is ever used twice, whatever crashes between. */
import type { Channel, Topic } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { Check } from "./check.ts";

interface Newest {
  boot: number;
  seq: number;
  bytes: Uint8Array;
}

export class NumberCheck implements Check {
  readonly #fleet: Fleet;
  readonly #pulses = new Map<number, Newest>();
  readonly #observations = new Map<string, Uint8Array>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  published(from: number, topic: Topic, bytes: Uint8Array): void {
    if (topic === "pulse") this.#checkPulse(from, bytes);
    if (topic === "verdict") this.#checkObservation(from, bytes);
  }

  sent(from: number, _to: number, channel: Channel, bytes: Uint8Array): void {
    if (channel !== "direct") return;
    this.#checkPulse(from, bytes);
    this.#checkObservation(from, bytes);
  }

  #checkPulse(from: number, bytes: Uint8Array): void {
    const pulse = this.#fleet.wire.pulse(bytes);
    if (pulse === undefined || pulse.author !== this.#fleet.node(from).id) return;
    const { boot, seq } = pulse;
    const newest = this.#pulses.get(from);
    if (newest === undefined || boot > newest.boot || (boot === newest.boot && seq > newest.seq)) {
      this.#pulses.set(from, { boot, seq, bytes });
    } else if (!areEqual(newest.bytes, bytes)) {
      this.#fleet.report(
        "P5",
        `node ${from} pulses (${boot}, ${seq}) after (${newest.boot}, ${newest.seq})`,
      );
    }
  }

  #checkObservation(from: number, bytes: Uint8Array): void {
    const observation = this.#fleet.wire.observation(bytes);
    if (observation === undefined || this.#fleet.hostile.has(from)) return;
    if (observation.author !== this.#fleet.node(from).id) return;
    const name = `${from}/${observation.boot}/${observation.seq}`;
    const known = this.#observations.get(name);
    if (known === undefined) this.#observations.set(name, bytes);
    else if (known !== bytes)
      this.#fleet.report(
        "P5",
        `node ${from} says two things as observation (${observation.boot}, ${observation.seq})`,
      );
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, at) => byte === b[at]));
}
