/** A planned stop (rule VE9): announced in a last pulse, answered once every connected peer has acknowledged it, or after a second. */
import type { StopCommand } from "../command.ts";
import type { Env } from "../env.ts";
import type { Neighbourhood } from "../liveness/neighbourhood.ts";
import type { Now } from "../now.ts";
import { PAUSE_MS_MAX } from "../pulse/pulse-codec.ts";

/** Longest wait for acknowledgements. */
const STOP_WAIT_MS: number = 1_000;

export class StopWait {
  readonly #env: Env;
  readonly #near: Neighbourhood;
  #replies: number[] = [];

  constructor(env: Env, near: Neighbourhood) {
    this.#env = env;
    this.#near = near;
  }

  begin(reply: number, command: StopCommand, now: Now): void {
    this.#replies.push(reply);
    if (this.#replies.length > 1) return;
    // Without a boot nothing was ever pulsed, so there is nothing to take leave of.
    if (this.#near.pulses.boot === 0) return this.#answer();
    const isPause = command.mode === "pause";
    const pausedForMs = isPause
      ? Math.min(Math.max(1, command.restartWithinMs), PAUSE_MS_MAX)
      : undefined;
    this.#near.announceStop({ pausedForMs, goodbye: !isPause }, now);
    this.#env.out.setTimer("stop", now.monoMs + STOP_WAIT_MS);
  }

  /** Called after every input: has everybody acknowledged? */
  check(): void {
    if (this.#replies.length === 0) return;
    for (const node of this.#near.connected) if (!this.#near.acknowledged.has(node)) return;
    this.#answer();
  }

  onTimer(): void {
    this.#answer();
  }

  #answer(): void {
    for (const id of this.#replies.splice(0)) this.#env.out.reply(id, { ok: true });
  }
}
