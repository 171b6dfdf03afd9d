/**
 * Beats of one robot that wait to be taken together (rule VE7): the latest of each kind, how many there were, and whom to answer.
 * An answer waits for the write that holds its beat, so coalescing costs nobody an acknowledged beat (promise P5).
 */
import type { BeatKind } from "../command.ts";
import type { RobotId } from "../ids.ts";
import { COALESCE_MS } from "./beat-window.ts";
import type { DatedBeat } from "./apply-beat.ts";

export interface CoalescedBeats {
  readonly flushAtMonoMs: number;
  /** In the order in which the latest of each kind arrived. */
  readonly beats: readonly DatedBeat[];
  /** Beats, and contacts among them, of which only the count is kept. */
  readonly droppedBeats: number;
  readonly droppedContacts: number;
  /** Commands to answer. */
  readonly replies: readonly number[];
}

interface Waiting {
  readonly flushAtMonoMs: number;
  /** By kind, and apart for beats that had to wait: those must not take the place of a sign of life (promise P3). */
  readonly latest: Map<string, DatedBeat>;
  readonly replies: number[];
  droppedBeats: number;
  droppedContacts: number;
}

export class Coalescing {
  /** In order of their flush date, because each waits equally long. */
  readonly #waiting = new Map<RobotId, Waiting>();

  /** The earliest date at which somebody must be flushed. */
  get nextMonoMs(): number {
    for (const waiting of this.#waiting.values()) return waiting.flushAtMonoMs;
    return Infinity;
  }

  add(robot: RobotId, beat: DatedBeat, reply: number, nowMonoMs: number): void {
    let waiting = this.#waiting.get(robot);
    if (waiting === undefined) {
      const flushAtMonoMs = nowMonoMs + COALESCE_MS;
      waiting = {
        flushAtMonoMs,
        latest: new Map(),
        replies: [],
        droppedBeats: 0,
        droppedContacts: 0,
      };
      this.#waiting.set(robot, waiting);
    }
    const key = placeOf(beat.kind, beat.live);
    if (waiting.latest.delete(key)) {
      waiting.droppedBeats += 1;
      if (beat.kind !== "log") waiting.droppedContacts += 1;
    }
    waiting.latest.set(key, beat);
    waiting.replies.push(reply);
  }

  /** Takes what waits for a robot. */
  take(robot: RobotId): CoalescedBeats | undefined {
    const waiting = this.#waiting.get(robot);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(robot);
    return { ...waiting, beats: [...waiting.latest.values()] };
  }

  /** Robots whose time has come. */
  due(nowMonoMs: number): readonly RobotId[] {
    const due: RobotId[] = [];
    for (const [robot, waiting] of this.#waiting) {
      if (waiting.flushAtMonoMs > nowMonoMs) break;
      due.push(robot);
    }
    return due;
  }
}

function placeOf(kind: BeatKind, live: boolean): string {
  return live ? kind : `spooled ${kind}`;
}
