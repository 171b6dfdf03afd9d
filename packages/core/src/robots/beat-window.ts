/**
 * How many beats of one robot a node takes a second (rule VE7): the first ten one by one, up to a hundred coalesced into one
 * write each {@link COALESCE_MS}, the rest refused. A window starts with the first beat after the last one ended.
 */
import { BEATS_COALESCED_PER_SECOND_MAX, BEATS_PER_SECOND_MAX } from "../command.ts";
import type { RobotId } from "../ids.ts";

/** How long a coalesced beat, and its answer, may wait for others. */
export const COALESCE_MS: number = 100;
const WINDOW_MS = 1_000;
/** Windows held before those that are over are swept. */
const SWEEP_AT = 20_000;

export type Admission =
  | { readonly type: "take" }
  | { readonly type: "coalesce" }
  | { readonly type: "refuse"; readonly retryAfterMs: number };

interface Window {
  startMonoMs: number;
  beats: number;
}

export class BeatWindows {
  readonly #windows = new Map<RobotId, Window>();

  /** Counts one beat and says what to do with it. */
  admit(robot: RobotId, nowMonoMs: number): Admission {
    let window = this.#windows.get(robot);
    if (window === undefined) {
      this.#sweep(nowMonoMs);
      window = { startMonoMs: nowMonoMs, beats: 0 };
      this.#windows.set(robot, window);
    } else if (nowMonoMs - window.startMonoMs >= WINDOW_MS) {
      window.startMonoMs = nowMonoMs;
      window.beats = 0;
    }
    if (window.beats >= BEATS_COALESCED_PER_SECOND_MAX) {
      return {
        type: "refuse",
        retryAfterMs: Math.max(1, Math.ceil(window.startMonoMs + WINDOW_MS - nowMonoMs)),
      };
    }
    window.beats += 1;
    return { type: window.beats <= BEATS_PER_SECOND_MAX ? "take" : "coalesce" };
  }

  #sweep(nowMonoMs: number): void {
    if (this.#windows.size < SWEEP_AT) return;
    for (const [robot, window] of this.#windows) {
      if (nowMonoMs - window.startMonoMs >= WINDOW_MS) this.#windows.delete(robot);
    }
  }
}
