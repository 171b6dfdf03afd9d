/**
 * How far another node's wall clock is from this node's (rule AD7), for people and `doctor`: nothing in the protocol goes by it.
 *
 * A pulse says what its author's wall clock showed when it was sent, and dating says when that was on this node's clocks, but for the
 * shortest travel time ever seen. The middle one of the last few differences is told, so that one pulse that was dated wrongly, or sent while
 * its author's clock was being set, moves nothing.
 */

/** Pulses whose differences are kept. */
export const WALL_SAMPLES_MAX: number = 9;

export class WallOffset {
  readonly #samplesMs: number[] = [];

  /** A dated pulse: the author's wall clock at sending, and what this node's showed then. */
  learn(theirWallMs: number, ownWallMs: number): void {
    this.#samplesMs.push(theirWallMs - ownWallMs);
    if (this.#samplesMs.length > WALL_SAMPLES_MAX) this.#samplesMs.shift();
  }

  /** Positive where the author's clock is ahead, less the shortest travel time; undefined before the first sample. */
  get medianMs(): number | undefined {
    const sorted = this.#samplesMs.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  forget(): void {
    this.#samplesMs.length = 0;
  }
}
