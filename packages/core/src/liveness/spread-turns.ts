/**
 * Which pulses of a large fleet are for everybody (rule PU8, ADR 0032).
 *
 * What a pulse says of robots is known to its readers alone, so everybody gets one now and then, and soon after somebody has joined. Each of them goes to each
 * member several times over, so were they as frequent in any fleet, what a node takes of them would grow with it: beyond {@link SPREAD_ROSTER} members each
 * says so as much less often as they are more. Boots are moments, so that those who start together do not spread their words together.
 */
import type { Boot } from "../ids.ts";
import type { PulseReach } from "../pulse/own-pulses.ts";

/** In a large fleet everybody is sent one in about so many pulses, … */
export const SPREAD_PULSES: number = 120;
/** … up to so many members. */
export const SPREAD_ROSTER: number = 64;

export class SpreadTurns {
  #version = -1;
  #left = 0;

  /**
   * Asked once for each own pulse.
   * @param reach for whom it is by what is in it
   * @param fleet of how many members, and a number that changes with them
   */
  isNext(
    reach: PulseReach,
    boot: Boot,
    { version, roster }: { readonly version: number; readonly roster: number },
  ): boolean {
    const every = SPREAD_PULSES * Math.max(1, roster / SPREAD_ROSTER);
    const own = ((boot % SPREAD_PULSES) / SPREAD_PULSES) * every;
    if (version !== this.#version) this.#left = Math.min(this.#left, (every + own) / 8);
    this.#version = version;
    this.#left -= 1;
    // What is for everybody out of turn does not stand for it: who has just joined may not count its author yet.
    if (this.#left > 0) return reach === "everybody";
    this.#left = every / 2 + own;
    return true;
  }
}
