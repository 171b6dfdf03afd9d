/**
 * Notices when the wall clock parts from the monotonic one (rule SG3): cron lines speak of wall time, waiting is done on the other.
 * A step makes new plans; slow drift only moves the planned dates.
 */
import type { Now } from "../now.ts";

/** Wall clocks that part by more than this between two looks have stepped. */
const WALL_STEP_MS: number = 1_000;
const DRIFT_MS = 20;

export class WallWatch {
  #offsetMs: number | undefined;

  /** What became of the wall clock since the last look that did not say `same`. */
  look(now: Now): "same" | "drift" | "step" {
    const offsetMs = now.wallMs - now.monoMs;
    const apartMs = Math.abs(offsetMs - (this.#offsetMs ?? offsetMs));
    if (this.#offsetMs !== undefined && apartMs <= DRIFT_MS) return "same";
    const first = this.#offsetMs === undefined;
    this.#offsetMs = offsetMs;
    if (first) return "same";
    return apartMs > WALL_STEP_MS ? "step" : "drift";
  }
}
