/**
 * How long who is not let in may go on asking why (rule ME2, ADR 0034): the question comes several one-way trips after the refusal, and one grant after the
 * other may be asked with, so whoever is hung up on after half a second never asks from another continent.
 *
 * It holds a connection by that, and nothing else. Of those that have shown no grant which was one here there are few at a time, as anybody can make one up;
 * and whoever says nothing at all holds a connection for as long. Of those that have shown one there are more, but not any number, as the thief of an issuer's
 * key grants whom he likes. Whom this node has expelled lately is bounded as such (`former-rows.ts`), and takes no place of these.
 */
import type { NodeId } from "@pulsemesh/core";

/** From the refusal to the first question, and from one that was not answered to the next: several round trips. */
export const ASK_WHY_MS: number = 3_000;
/** In all, but for an answer that is under way. */
export const ASK_WHY_MS_MAX: number = 6_000;
/** Nodes at a time that have shown a grant which was none here; those beyond are hung up on as whoever shows nothing. */
export const ASKING_STRANGERS_MAX: number = 32;
/** Nodes at a time that have shown one which was, and were not expelled here lately; those beyond have as long as they ever had. */
export const ASKING_FORMERS_MAX: number = 128;
/** Questions of one node that are waited for: as many as one asks. */
const QUESTIONS_MAX = 4;

/** Who asks: one that this node has expelled lately, another one whose grant was one here, or anybody. */
export type AskerKind = "expelled" | "former" | "stranger";

const ASKING_AT_ONCE: Readonly<Record<AskerKind, number>> = {
  expelled: Number.POSITIVE_INFINITY,
  former: ASKING_FORMERS_MAX,
  stranger: ASKING_STRANGERS_MAX,
};

interface Asker {
  readonly kind: AskerKind;
  readonly resolve: () => void;
  readonly callOffAll: () => void;
  callOffNext: () => void;
  questions: number;
}

export class LastQuestions {
  readonly #after: (delayMs: number, task: () => void) => () => void;
  readonly #askers = new Map<NodeId, Asker>();
  /** Questions that are being read or answered, also of those that are not judged yet. */
  readonly #underWay = new Map<NodeId, number>();

  /** `after` calls a task later, and answers how to call it off. */
  constructor(after: (delayMs: number, task: () => void) => () => void) {
    this.#after = after;
  }

  /** Resolves once `node`, which was refused just now, will ask no more, or may not. */
  async wait(node: NodeId, kind: AskerKind): Promise<void> {
    this.over(node);
    const alike = [...this.#askers.values()].filter((asker) => asker.kind === kind).length;
    if (alike >= ASKING_AT_ONCE[kind]) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const callOffAll = this.#after(ASK_WHY_MS_MAX, () => this.over(node));
    const asker: Asker = { kind, resolve, callOffAll, callOffNext: nothing, questions: 0 };
    this.#askers.set(node, asker);
    if (!this.#underWay.has(node)) this.#awaitNext(node, asker);
    await promise;
  }

  /** `node` asks; what it answers is called when that question is over, whatever became of it. */
  begin(node: NodeId): () => void {
    this.#underWay.set(node, (this.#underWay.get(node) ?? 0) + 1);
    this.#askers.get(node)?.callOffNext();
    return () => {
      const left = (this.#underWay.get(node) ?? 1) - 1;
      if (left > 0) this.#underWay.set(node, left);
      else this.#underWay.delete(node);
      const asker = this.#askers.get(node);
      if (asker === undefined) return;
      asker.questions += 1;
      if (asker.questions >= QUESTIONS_MAX) this.over(node);
      else if (left === 0) this.#awaitNext(node, asker);
    };
  }

  /** `node` was told, or is gone. */
  over(node: NodeId): void {
    const asker = this.#askers.get(node);
    if (asker === undefined) return;
    this.#askers.delete(node);
    asker.callOffAll();
    asker.callOffNext();
    asker.resolve();
  }

  #awaitNext(node: NodeId, asker: Asker): void {
    asker.callOffNext = this.#after(ASK_WHY_MS, () => this.over(node));
  }
}

function nothing(): void {
  // No timer is running.
}
