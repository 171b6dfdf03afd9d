/**
 * Effects that wait for a commit (rule DU1). Frames of one sync stream, gossip of the topic `state` and events keep their order, so what
 * follows a waiting one waits behind it; everything else is complete in itself and overtakes, as in the real driver.
 */
import type { CommitId, Effect } from "@pulsemesh/core";

interface Waiting {
  readonly after: CommitId;
  readonly effect: Effect;
}

export class EffectLanes {
  readonly #lanes = new Map<string, Waiting[]>();
  #committed: CommitId = 0;

  /** Whether an effect may be carried out now; if not it is kept. */
  admit(effect: Effect): boolean {
    const after = "after" in effect ? (effect.after ?? 0) : 0;
    const lane = laneOf(effect);
    const waiting = this.#lanes.get(lane);
    if (after <= this.#committed && (waiting === undefined || lane === UNORDERED)) return true;
    if (waiting === undefined) this.#lanes.set(lane, [{ after, effect }]);
    else waiting.push({ after, effect });
    return false;
  }

  /** A commit is durable: returns what has become ready, each lane in its order. */
  committed(commit: CommitId): readonly Effect[] {
    this.#committed = commit;
    const ready: Effect[] = [];
    for (const [lane, waiting] of this.#lanes) {
      let count = 0;
      while (count < waiting.length && (waiting[count] as Waiting).after <= commit) count += 1;
      for (const { effect } of waiting.splice(0, count)) ready.push(effect);
      if (waiting.length === 0) this.#lanes.delete(lane);
    }
    return ready;
  }

  /** Effects that wait. */
  get size(): number {
    let size = 0;
    for (const waiting of this.#lanes.values()) size += waiting.length;
    return size;
  }
}

/** Waits for its own commit and for nothing else; commits become durable in order. */
const UNORDERED = "unordered";

function laneOf(effect: Effect): string {
  if (effect.type === "publish" && effect.topic === "state") return "state";
  if (effect.type === "send" && effect.channel === "sync") return effect.to;
  return effect.type === "emit" ? "emit" : UNORDERED;
}
