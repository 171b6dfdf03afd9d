/**
 * Whose entries were refused because nothing is known that lets them count (rule SG4): a grant may be on its way, and once it is here, whoever had the
 * entries is asked for them, instead of in the next round of sync.
 */
import type { NodeId } from "../ids.ts";

/** Authors that are remembered, the newest ones: whoever makes up more finds that those before have to wait for a round. */
export const REFUSED_AUTHORS_MAX: number = 1_024;

export class RefusedAuthors {
  /** With who offered its entries last, the newest author last. */
  readonly #from = new Map<NodeId, NodeId>();

  note(author: NodeId, from: NodeId): void {
    this.#from.delete(author);
    this.#from.set(author, from);
    const [oldest] = this.#from.keys();
    if (this.#from.size > REFUSED_AUTHORS_MAX && oldest !== undefined) this.#from.delete(oldest);
  }

  /** Who offered entries of those that count now; these are forgotten. */
  take(counts: (author: NodeId) => boolean): readonly NodeId[] {
    const from = new Set<NodeId>();
    for (const [author, peer] of this.#from) {
      if (!counts(author)) continue;
      from.add(peer);
      this.#from.delete(author);
    }
    return [...from];
  }
}
