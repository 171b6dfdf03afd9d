/**
 * Who is asked for its row of root statements now (rule ME2), as a state machine whose clock is handed to it: so many at a time, and the others wait
 * their turn, as two that hold their answer back would have a newcomer turn away whom it needs. Who was asked in vain, because it took its time and said
 * nothing or had nothing that helped, is not asked again for a while, and what it cost to look at is not to be had again at once from somebody else.
 *
 * To turn away whoever finds all places taken was rejected: it comes back when it has been forgotten, or when the places are taken again.
 */
import type { NodeId } from "@pulsemesh/core";
import { BOOK_MEMBERS_MAX } from "./address-book.ts";
import { FORMER_MEMBERS_MAX } from "./former-members.ts";

/** Nodes asked at once. */
export const ROOT_ROWS_ASKED_MAX: number = 2;
/** Nodes that wait for their turn; who comes then is judged by what is known. */
export const ROOT_ROWS_WAITING_MAX: number = 64;
/** Longest wait for a turn; with the question itself still within the time for which the peer waits for the answer to its hello. */
export const ROOT_ROW_TURN_MS_MAX: number = 10_000;
/** Who was asked in vain is not asked again for this long. */
export const ROOT_ROW_AGAIN_MS: number = 60_000;
/** Who was asked why it does not let this node in is, where nothing came of it, not asked again for so many times as long as it took, if that is longer. */
export const WHY_AGAIN_FACTOR: number = 100;
/** That long at most: who holds its first byte back for as long as it may is not asked for 200 s, and an honest one whose link is slow no longer than that. */
export const WHY_AGAIN_MS_MAX: number = 200_000;
/** From a row that was looked at in vain to the next question: 64 signatures take up to 140 ms, and a row may have 128. */
export const ROOT_ROW_PAUSE_MS: number = 1_000;
/** Nodes asked in vain that are remembered: whoever was to be found, as a book has no more of them. */
const ASKED_IN_VAIN_MAX = BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX;

export interface RootRowTurnsDeps {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls a task later; answers how to call it off. */
  readonly after: (delayMs: number, task: () => void) => () => void;
}

export class RootRowTurns {
  readonly #deps: RootRowTurnsDeps;
  readonly #waiting: ((isTurn: boolean) => void)[] = [];
  readonly #againFactor: number;
  /** Until when a node is not asked, in the order in which that was found. */
  readonly #inVain = new Map<NodeId, number>();
  #running = 0;
  #pausedUntilMs = -Infinity;
  #hasTimer = false;

  /** @param againFactor for how many times as long as it took one is not asked again that helped nothing, however quick it was */
  constructor(deps: RootRowTurnsDeps, againFactor: number = 0) {
    this.#deps = deps;
    this.#againFactor = againFactor;
  }

  /** Resolves once it is the turn of `node`, which is over with {@link give}; false when it is not to be asked now. */
  async take(node: NodeId): Promise<boolean> {
    if (this.isInVain(node) || this.#waiting.length >= ROOT_ROWS_WAITING_MAX) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const end = (isTurn: boolean): void => {
      callOff();
      resolve(isTurn);
    };
    const callOff = this.#deps.after(ROOT_ROW_TURN_MS_MAX, () => {
      this.#waiting.splice(this.#waiting.indexOf(end), 1);
      resolve(false);
    });
    this.#waiting.push(end);
    this.#next();
    return await promise;
  }

  /** A turn is over: `useless` where nothing came of it after a while, `costly` where there was a row, and it helped nothing. */
  give(node: NodeId, came: "helped" | "nothing" | "useless" | "costly", tookMs: number = 0): void {
    this.#running -= 1;
    const nowMs = this.#deps.now();
    const leastMs = came === "useless" || came === "costly" ? ROOT_ROW_AGAIN_MS : 0;
    const slowMs = Math.min(tookMs * this.#againFactor, WHY_AGAIN_MS_MAX);
    const againMs = came === "helped" ? 0 : Math.max(leastMs, slowMs);
    if (againMs > 0) this.#remember(node, nowMs, againMs);
    // Two rows may come at once: each has its pause.
    if (came === "costly")
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs) + ROOT_ROW_PAUSE_MS;
    this.#next();
  }

  /** Whether `node` was asked in vain a short while ago. */
  isInVain(node: NodeId): boolean {
    return (this.#inVain.get(node) ?? -Infinity) > this.#deps.now();
  }

  #remember(node: NodeId, nowMs: number, againMs: number): void {
    this.#inVain.delete(node);
    for (const [each, untilMs] of this.#inVain)
      if (untilMs <= nowMs || this.#inVain.size >= ASKED_IN_VAIN_MAX) this.#inVain.delete(each);
    this.#inVain.set(node, nowMs + againMs);
  }

  #next(): void {
    const pauseMs = this.#pausedUntilMs - this.#deps.now();
    if (pauseMs > 0 && this.#waiting.length > 0) {
      if (!this.#hasTimer) this.#deps.after(pauseMs, this.#resume);
      this.#hasTimer = true;
      return;
    }
    while (this.#running < ROOT_ROWS_ASKED_MAX && pauseMs <= 0) {
      const end = this.#waiting.shift();
      if (end === undefined) return;
      this.#running += 1;
      end(true);
    }
  }

  readonly #resume = (): void => {
    this.#hasTimer = false;
    this.#next();
  };
}
