/** What a node keeps from doing while another process is alive under its key (rule BK1): judging its robots by beats that it refuses. */
import type { Now } from "../now.ts";
import type { Twins } from "./twins.ts";

/** What is asked of the robots of this node. */
export interface HeldRobots {
  /** No beat could be taken for so long. */
  onStall(forMs: number, now: Now): void;
  /** The standing of this node has changed. */
  onMajority(now: Now): void;
}

export class TwinHold {
  readonly #twins: Twins;
  readonly #robots: HeldRobots;
  readonly #everyMs: number;
  #heldMonoMs: number | undefined;

  constructor(twins: Twins, robots: HeldRobots, everyMs: number) {
    this.#twins = twins;
    this.#robots = robots;
    this.#everyMs = everyMs;
  }

  /** Whether nothing may be acknowledged, and no boot opened, as another process does the same under this key. */
  get isHeld(): boolean {
    return this.#twins.twin !== undefined;
  }

  /** After every input: gives the robots the time in which their beats are refused. */
  look(now: Now): void {
    const heldMonoMs = this.#heldMonoMs;
    if (!this.isHeld) {
      if (heldMonoMs === undefined) return;
      this.#heldMonoMs = undefined;
      this.#robots.onStall(now.monoMs - heldMonoMs + this.#everyMs, now);
      this.#robots.onMajority(now);
    } else if (heldMonoMs === undefined) {
      this.#heldMonoMs = now.monoMs;
      this.#robots.onStall(this.#everyMs, now);
      this.#robots.onMajority(now);
    } else if (now.monoMs - heldMonoMs >= this.#everyMs) {
      this.#heldMonoMs = now.monoMs;
      this.#robots.onStall(now.monoMs - heldMonoMs, now);
    }
  }
}
