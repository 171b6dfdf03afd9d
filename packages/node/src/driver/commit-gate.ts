/**
 * Holds effects back until the commit that they name is durable (rules DU1, DU2), while inputs go on.
 *
 * Where order carries meaning, later effects queue up behind one that waits: frames of one sync stream, gossip of the topic
 * `state`, events. Everything else (pulses, statements, objections, replies) is dated or named and complete in itself, so one
 * that needs no commit overtakes those that do: a slow disk must not keep a node from objecting to its own death.
 */
import type { CommitId, Effect } from "@pulsemesh/core";

/** An effect that may wait. */
export type GatedEffect = Extract<Effect, { readonly after?: CommitId | undefined }>;

/** Publishes and sends that wait at most; gossip and streams may lose messages, so further ones are dropped. */
export const WAITING_EFFECTS_MAX: number = 16_384;

interface Waiting {
  readonly after: CommitId;
  readonly effect: GatedEffect;
}

export class CommitGate {
  readonly #run: (effect: GatedEffect) => void;
  readonly #lanes = new Map<string, Waiting[]>();
  readonly #free = new Map<CommitId, GatedEffect[]>();
  #durable: CommitId = 0;
  #waiting = 0;
  #dropped = 0;

  constructor(run: (effect: GatedEffect) => void) {
    this.#run = run;
  }

  /** Effects that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Messages dropped because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Runs the effect now, or when its turn comes. */
  pass(effect: GatedEffect): void {
    const after = effect.after ?? 0;
    const lane = laneOf(effect);
    const queue = lane === undefined ? undefined : this.#lanes.get(lane);
    if (after <= this.#durable && queue === undefined) {
      this.#run(effect);
      return;
    }
    if (
      this.#waiting >= WAITING_EFFECTS_MAX &&
      (effect.type === "publish" || effect.type === "send")
    ) {
      this.#dropped += 1;
      return;
    }
    this.#waiting += 1;
    if (lane === undefined) {
      const waiting = this.#free.get(after);
      if (waiting === undefined) this.#free.set(after, [effect]);
      else waiting.push(effect);
    } else if (queue === undefined) {
      this.#lanes.set(lane, [{ after, effect }]);
    } else {
      queue.push({ after, effect });
    }
  }

  /** This commit and all before it are durable. */
  committed(commit: CommitId): void {
    this.#durable = commit;
    for (const [after, released] of this.#free) {
      if (after > commit) continue;
      this.#free.delete(after);
      this.#waiting -= released.length;
      for (const effect of released) this.#run(effect);
    }
    for (const [lane, queue] of this.#lanes) {
      const ready = queue.findIndex(({ after }) => after > commit);
      const released = queue.splice(0, ready < 0 ? queue.length : ready);
      if (queue.length === 0) this.#lanes.delete(lane);
      this.#waiting -= released.length;
      for (const { effect } of released) this.#run(effect);
    }
  }
}

/** Effects of one lane keep their order; those without one need none. */
function laneOf(effect: GatedEffect): string | undefined {
  switch (effect.type) {
    case "publish":
      return effect.topic === "state" ? "state" : undefined;
    case "send":
      return effect.channel === "sync" ? effect.to : undefined;
    case "emit":
      return "emit";
    case "reply":
    case "expel":
      return undefined;
  }
}
