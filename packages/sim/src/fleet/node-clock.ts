/**
 * The two clocks of one machine over virtual time: the monotonic one starts anywhere, drifts a little and stands still while the
 * machine is suspended; the wall clock is wrong by some seconds and may be stepped.
 */
import type { Now } from "@pulsemesh/core";
import type { SeededRandom } from "@pulsemesh/testkit";

/** Wall time at the start of every run: 2026-06-01 UTC. */
export const WALL_START_MS: number = 1_780_272_000_000;
const DRIFT_PPM = 50;
const WALL_ERROR_MS = 2_000;
const UPTIME_MS = 10 * 86_400_000;

export interface Suspension {
  readonly forMs: number;
  readonly untilMs: number;
}

export class NodeClock {
  readonly #random: SeededRandom;
  readonly #rate: number;
  #monoStartMs: number;
  #originMs = 0;
  #wallErrorMs: number;
  #suspensions: readonly Suspension[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#rate = 1 + random.between(-DRIFT_PPM, DRIFT_PPM) / 1_000_000;
    this.#monoStartMs = random.between(0, UPTIME_MS);
    this.#wallErrorMs = random.between(-WALL_ERROR_MS, WALL_ERROR_MS);
  }

  /** Both clocks at a virtual moment. */
  now(virtualMs: number): Now {
    return {
      monoMs: this.monoMs(virtualMs),
      wallMs: Math.floor(WALL_START_MS + virtualMs + this.#wallErrorMs),
    };
  }

  monoMs(virtualMs: number): number {
    return this.#monoStartMs + (virtualMs - this.#originMs) * this.#rate;
  }

  /** The virtual moment at which the monotonic clock shows `monoMs`. */
  virtualMs(monoMs: number): number {
    return this.#originMs + (monoMs - this.#monoStartMs) / this.#rate;
  }

  stepWall(byMs: number): void {
    this.#wallErrorMs += byMs;
  }

  /** When the machine was suspended, and for how long each time. */
  get suspensions(): readonly Suspension[] {
    return this.#suspensions;
  }

  /** The machine was suspended for so long until `virtualMs`: its monotonic clock stood still. */
  suspended(forMs: number, virtualMs: number): void {
    this.#suspensions = [...this.#suspensions, { forMs, untilMs: virtualMs }];
    this.#monoStartMs -= forMs * this.#rate;
  }

  /** The machine has started anew, and its monotonic clock with it. */
  rebooted(virtualMs: number): void {
    this.#monoStartMs = this.#random.between(0, 60_000);
    this.#originMs = virtualMs;
  }
}
