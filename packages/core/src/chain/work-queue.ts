/**
 * Work that is too long for one input, done a step an input: a generation of thousands of robots is written or taken part by part, while
 * pulses, beats and messages come in between (rule CH2). What a step prepares is seen by nobody before the last one, and nothing of it is
 * on disk until then, so that work that is broken off by a crash was never begun. Rejected: a thread, which core cannot have and the
 * simulator could not repeat.
 */
import type { Env } from "../env.ts";
import type { Now } from "../now.ts";

export interface Work {
  /** Does one part of it; true when all of it is done. */
  step(now: Now): boolean;
}

/** From one step to the next, in ms: lets the inputs that wait come first. */
const STEP_AFTER_MS = 1;

export class WorkQueue {
  readonly #env: Env;
  readonly #works: Work[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  get isEmpty(): boolean {
    return this.#works.length === 0;
  }

  add(work: Work): void {
    this.#works.push(work);
  }

  /** The timer `chain` fired: one step of the work that waits longest. */
  step(now: Now): void {
    const [work] = this.#works;
    if (work?.step(now) === true) this.#works.shift();
  }

  /** Asks for the timer; each input that leaves work behind calls it. */
  schedule(now: Now): void {
    this.#env.out.setTimerBy("chain", Math.ceil(now.monoMs) + STEP_AFTER_MS);
  }
}
