/**
 * Who is expelled hears gossip for a moment more: the statement by which it is out is told once it is durable, and where that leaves nobody a member nobody
 * else tells it. Who never hears it goes on as a member of what is no fleet any more, and judges those that did hear it to be down.
 *
 * To tell only that statement, over a stream, was rejected: the member that brings it by gossip would not pass it on either.
 */
import type { NodeId } from "@pulsemesh/core";

/** How long, from when it was told. */
export const LAST_WORD_MS: number = 1_000;
/** How long that is waited for: a disk under load has written it by then, and one that fails may never. */
export const LAST_WORD_WAIT_MS_MAX: number = 10_000;

export interface LastWordsDeps {
  /** Calls a task later; answers how to call it off. */
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** To be hung up on now. */
  readonly over: (node: NodeId) => void;
}

interface Leaving {
  readonly callOff: () => void;
  readonly isTold: boolean;
}

export class LastWords {
  readonly #deps: LastWordsDeps;
  readonly #leaving = new Map<NodeId, Leaving>();

  constructor(deps: LastWordsDeps) {
    this.#deps = deps;
  }

  /** `node` is out; who is expelled once more has no more time by that. */
  begin(node: NodeId): void {
    if (!this.#leaving.has(node)) this.#partIn(LAST_WORD_WAIT_MS_MAX, node, false);
  }

  /** What there is to tell it is on its way. */
  said(node: NodeId): void {
    const leaving = this.#leaving.get(node);
    if (leaving === undefined || leaving.isTold) return;
    leaving.callOff();
    this.#partIn(LAST_WORD_MS, node, true);
  }

  /** Whether `node` is out, and still to hear why. */
  has(node: NodeId): boolean {
    return this.#leaving.has(node);
  }

  /** It was let in again, or is gone already. */
  cancel(node: NodeId): void {
    this.#leaving.get(node)?.callOff();
    this.#leaving.delete(node);
  }

  stop(): void {
    for (const { callOff } of this.#leaving.values()) callOff();
    this.#leaving.clear();
  }

  #partIn(delayMs: number, node: NodeId, isTold: boolean): void {
    const callOff = this.#deps.after(delayMs, () => {
      this.#leaving.delete(node);
      this.#deps.over(node);
    });
    this.#leaving.set(node, { callOff, isTold });
  }
}
