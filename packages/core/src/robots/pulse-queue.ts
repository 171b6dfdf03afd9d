/**
 * Which robots the next pulse speaks of (rule PU2): flips first, then those with new beats, then everybody in turn.
 *
 * A quarter of the room is always kept for the turn, so that a crowd of busy robots never hides a silent one: with `n` robots of
 * at most `b` bytes each, everyone appears at least every ⌈n / ⌊bytesMax / 4b⌋⌉ + 1 pulses. A flip is said in three pulses, because
 * one may be lost; later losses are made good by the turn, as summaries are cumulative.
 */
import type { RobotId } from "../ids.ts";

/** Pulses that repeat a flip ahead of everything else. */
export const FLIP_PULSES: number = 3;
/** A CBOR array header of up to 65,535 items. */
const ARRAY_HEADER_BYTES = 3;
const TURN_PART = 0.25;

export interface SizedItem<T> {
  readonly item: T;
  readonly bytes: number;
}

export class PulseQueue {
  readonly #flips = new Map<RobotId, number>();
  readonly #changed = new Set<RobotId>();
  /** All robots, the one whose turn is longest ago first. */
  readonly #turn = new Set<RobotId>();

  markFlip(robot: RobotId): void {
    this.#turn.add(robot);
    this.#flips.set(robot, FLIP_PULSES);
  }

  markChanged(robot: RobotId): void {
    this.#turn.add(robot);
    this.#changed.add(robot);
  }

  delete(robot: RobotId): void {
    this.#flips.delete(robot);
    this.#changed.delete(robot);
    this.#turn.delete(robot);
  }

  /** Takes as many items as fit into an encoded array of at most `bytesMax` bytes, and counts them as said. */
  take<T>(bytesMax: number, itemOf: (robot: RobotId) => SizedItem<T>): readonly T[] {
    const chosen = new Map<RobotId, T>();
    let used = ARRAY_HEADER_BYTES;
    const fill = (robots: Iterable<RobotId>, limitBytes: number): void => {
      for (const robot of robots) {
        if (chosen.has(robot)) continue;
        const { item, bytes } = itemOf(robot);
        if (used + bytes > limitBytes) return;
        used += bytes;
        chosen.set(robot, item);
      }
    };
    const aheadBytes = bytesMax * (1 - TURN_PART);
    fill(this.#flips.keys(), aheadBytes);
    fill(this.#changed, aheadBytes);
    fill(this.#turn, bytesMax);
    for (const robot of chosen.keys()) this.#said(robot);
    return [...chosen.values()];
  }

  #said(robot: RobotId): void {
    const left = this.#flips.get(robot) ?? 0;
    this.#flips.delete(robot);
    // Back to the end of its line, so that flips that did not fit come before those that were said already.
    if (left > 1) this.#flips.set(robot, left - 1);
    this.#changed.delete(robot);
    this.#turn.delete(robot);
    this.#turn.add(robot);
  }
}
