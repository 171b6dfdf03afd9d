/**
 * Which robots the next pulse speaks of (rule PU2): flips first, then those with new beats, then everybody in turn.
 *
 * A quarter of the room is always kept for the turn, so that a crowd of busy robots never hides a silent one: with `n` robots of
 * at most `b` bytes each, everyone appears at least every ⌈n / ⌊bytesMax / 4b⌋⌉ + 1 pulses. A flip is said in three pulses, because
 * one may be lost; later losses are made good by the turn, as summaries are cumulative.
 *
 * In a large fleet most pulses are for witnesses alone (rule PU8). What happened to a robot is news until a pulse for everybody has said it, however many
 * pulses that takes, and again for those who were away while it happened.
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

/** What everybody is to hear of robots (rule PU8). */
export interface RobotNews {
  /** Whether something has happened of which not everybody was told. */
  readonly hasNews: boolean;
  /** Somebody who was away since then is back: what has happened since then is news again. */
  tellAgain(sinceMonoMs: number): void;
}

export class PulseQueue implements RobotNews {
  readonly #flips = new Map<RobotId, number>();
  readonly #changed = new Set<RobotId>();
  /** Robots of which everybody is to hear, whoever was told longest ago first. */
  readonly #news = new Set<RobotId>();
  /** When each was news last. */
  readonly #newsMonoMs = new Map<RobotId, number>();
  /** All robots, the one whose turn is longest ago first. */
  readonly #turn = new Set<RobotId>();

  get hasNews(): boolean {
    return this.#news.size > 0;
  }

  markFlip(robot: RobotId, nowMonoMs: number): void {
    this.#flips.set(robot, FLIP_PULSES);
    this.#markNews(robot, nowMonoMs);
  }

  /** A boot has begun, and what was said in an earlier one does not count any more. */
  markStart(nowMonoMs: number): void {
    for (const robot of this.#turn) this.#markNews(robot, nowMonoMs);
  }

  tellAgain(sinceMonoMs: number): void {
    for (const [robot, atMonoMs] of this.#newsMonoMs)
      if (atMonoMs >= sinceMonoMs) this.#news.add(robot);
  }

  markChanged(robot: RobotId): void {
    this.#turn.add(robot);
    this.#changed.add(robot);
  }

  delete(robot: RobotId): void {
    this.#flips.delete(robot);
    this.#changed.delete(robot);
    this.#turn.delete(robot);
    this.#news.delete(robot);
    this.#newsMonoMs.delete(robot);
  }

  /** Takes as many items as fit into an encoded array of at most `bytesMax` bytes, and counts them as said; to everybody, if that is so. */
  take<T>(
    bytesMax: number,
    isForEverybody: boolean,
    itemOf: (robot: RobotId) => SizedItem<T>,
  ): readonly T[] {
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
    if (isForEverybody) fill(this.#news, aheadBytes);
    fill(this.#flips.keys(), aheadBytes);
    fill(this.#changed, aheadBytes);
    fill(this.#turn, bytesMax);
    for (const robot of chosen.keys()) {
      this.#said(robot);
      if (isForEverybody) this.#news.delete(robot);
    }
    return [...chosen.values()];
  }

  #markNews(robot: RobotId, nowMonoMs: number): void {
    this.#turn.add(robot);
    this.#news.add(robot);
    this.#newsMonoMs.set(robot, nowMonoMs);
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
