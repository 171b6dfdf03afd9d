/**
 * Who is expelled hears gossip for a moment more: the statement by which it is out is told once it is durable, and where that leaves nobody a member nobody
 * else tells it. Who never hears it goes on as a member of what is no fleet any more, and judges those that did hear it to be down.
 *
 * What is said about authority goes straight to each of them, be it said here or passed on. By gossip alone a message goes to the few peers of the router's
 * mesh, and the others are told that there is one: they would have to ask for it, and nothing of who is expelled is read.
 */
import type { NodeId } from "@pulsemesh/core";
import { RecentWords } from "./recent-words.ts";

/** How long, from when it was told. */
export const LAST_WORD_MS: number = 1_000;
/** How long that is waited for: a disk under load has written it by then, and one that fails may never. */
export const LAST_WORD_WAIT_MS_MAX: number = 10_000;

export interface LastWordsDeps {
  /** Calls a task later; answers how to call it off. */
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** To be hung up on now. */
  readonly over: (node: NodeId) => void;
  /** Sends a message about authority to this node alone. */
  readonly tell: (node: NodeId, bytes: Uint8Array) => void;
  readonly nowMs: () => number;
}

interface Leaving {
  readonly callOff: () => void;
  readonly isTold: boolean;
  /** Of several by which it was expelled the latest: a node may have been let in between them. */
  readonly expulsion: number;
}

export class LastWords {
  readonly #deps: LastWordsDeps;
  readonly #leaving = new Map<NodeId, Leaving>();
  readonly #recent = new RecentWords();

  constructor(deps: LastWordsDeps) {
    this.#deps = deps;
  }

  /** `node` is out; who is expelled once more has no more time by that. */
  begin(node: NodeId, expulsion: number): void {
    const leaving = this.#leaving.get(node);
    if (leaving !== undefined) {
      this.#leaving.set(node, { ...leaving, expulsion });
      return;
    }
    this.#partIn(LAST_WORD_WAIT_MS_MAX, node, { isTold: false, expulsion });
    for (const bytes of this.#recent.at(this.#deps.nowMs())) this.#deps.tell(node, bytes);
  }

  /** Something about authority is said here, or counts and is passed on. */
  word(bytes: Uint8Array): void {
    this.#recent.add(bytes, this.#deps.nowMs());
    for (const node of this.#leaving.keys()) this.#deps.tell(node, bytes);
  }

  /** What there is to tell it by that expulsion is on its way. */
  said(node: NodeId, expulsion: number): void {
    const leaving = this.#leaving.get(node);
    if (leaving === undefined || leaving.isTold || leaving.expulsion !== expulsion) return;
    leaving.callOff();
    this.#partIn(LAST_WORD_MS, node, { isTold: true, expulsion });
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

  #partIn(delayMs: number, node: NodeId, leaving: Omit<Leaving, "callOff">): void {
    const callOff = this.#deps.after(delayMs, () => {
      this.#leaving.delete(node);
      this.#deps.over(node);
    });
    this.#leaving.set(node, { ...leaving, callOff });
  }
}
