/**
 * Which pulses of a large fleet are for everybody (rule PU8, ADR 0032).
 *
 * What a pulse says of robots is known to its readers alone, so everybody gets one now and then, and soon after somebody has joined. Each of them goes to each
 * member several times over, so were they as frequent in any fleet, what a node takes of them would grow with it: beyond {@link SPREAD_ROSTER} members each
 * says so as much less often as they are more. Boots are moments, so that those who start together do not spread their words together.
 *
 * What has happened to a robot is for everybody at once, until all of it is said. Some homes are sick, and have robots that flip all day: beyond
 * {@link NEWS_PULSES} such pulses are as rare as {@link NEWS_EVERY_INTERVALS} says, and each tells of all that has flipped meanwhile.
 */
import type { Boot } from "../ids.ts";
import type { Now } from "../now.ts";

/** In a large fleet everybody is sent one in about so many pulses, … */
export const SPREAD_PULSES: number = 120;
/** … up to so many members. */
export const SPREAD_ROSTER: number = 64;
/** Pulses with news of robots that may be for everybody in one go: more than it takes to speak of all robots that a home may have. */
export const NEWS_PULSES: number = 120;
/** Then one in so many intervals may be. */
export const NEWS_EVERY_INTERVALS: number = 4;

/** Of how many members, and numbers that change with them, and when one of them has begun anew. */
export interface SpreadFleet {
  readonly roster: number;
  readonly version: number;
  readonly starts: number;
}

export class SpreadTurns {
  readonly #newsEveryMs: number;
  #version = -1;
  #starts = -1;
  #left = 0;
  #sinceTurn = 0;
  #newsLeft = NEWS_PULSES;
  #newsMonoMs = Number.NEGATIVE_INFINITY;

  constructor(pulseEveryMs: number) {
    this.#newsEveryMs = NEWS_EVERY_INTERVALS * pulseEveryMs;
  }

  /**
   * Asked once for each own pulse.
   * @param holds whether it is for everybody by its header, and whether it speaks of robots that everybody should hear of
   */
  isNext(
    holds: { readonly isStop: boolean; readonly isNews: boolean },
    boot: Boot,
    { version, starts, roster }: SpreadFleet,
    now: Pick<Now, "monoMs">,
  ): boolean {
    const every = SPREAD_PULSES * Math.max(1, roster / SPREAD_ROSTER);
    const own = ((boot % SPREAD_PULSES) / SPREAD_PULSES) * every;
    const soon = (every + own) / 8;
    if (version !== this.#version) this.#left = Math.min(this.#left, soon);
    // Whoever begins anew has forgotten what robots do. One that does so all the time, or all of them in turn, must not make this more than a few times dearer.
    if (starts !== this.#starts)
      this.#left = Math.min(this.#left, Math.max(soon, 2 * soon - this.#sinceTurn));
    this.#version = version;
    this.#starts = starts;
    this.#left -= 1;
    this.#sinceTurn += 1;
    // What is for everybody out of turn does not stand for it: who has just joined may not count its author yet.
    if (this.#left > 0) return (holds.isNews && this.#mayTell(now.monoMs)) || holds.isStop;
    this.#left = every / 2 + own;
    this.#sinceTurn = 0;
    return true;
  }

  #mayTell(nowMonoMs: number): boolean {
    const regained = (nowMonoMs - this.#newsMonoMs) / this.#newsEveryMs;
    this.#newsLeft = Math.min(NEWS_PULSES, this.#newsLeft + Math.max(0, regained));
    this.#newsMonoMs = nowMonoMs;
    if (this.#newsLeft < 1) return false;
    this.#newsLeft -= 1;
    return true;
  }
}
