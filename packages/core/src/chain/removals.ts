/**
 * Deletes the rows of chains that are held no more, an epoch an input: an author may have left a million of them (rule CH7). They are forgotten in
 * memory already, so nobody is told of them; what a crash leaves is read at the next start, found to be a revoked author's, and removed then.
 */
import type { Env } from "../env.ts";
import type { DocumentName, NodeId } from "../ids.ts";
import type { ChainIndex } from "./chain-index.ts";
import { dropOps } from "./compaction.ts";
import type { EpochLog } from "./epoch-log.ts";
import { finalRow } from "./rows.ts";
import type { Work } from "./work-queue.ts";

interface Removal {
  readonly author: NodeId;
  readonly logs: EpochLog[];
}

export class Removals {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #begin: (work: Work) => void;
  readonly #removals = new Set<Removal>();

  constructor(env: Env, index: ChainIndex, begin: (work: Work) => void) {
    this.#env = env;
    this.#index = index;
    this.#begin = begin;
  }

  /** Authors of whom there are rows left. */
  authors(): readonly NodeId[] {
    return [...this.#removals].map(({ author }) => author);
  }

  /** The rows of these epochs, behind the work that was begun before, and what is kept of the author's earlier ones. */
  add(document: DocumentName, author: NodeId, logs: readonly EpochLog[]): void {
    this.#env.out.persist([{ type: "del", key: finalRow(document, author) }]);
    if (logs.length === 0) return;
    const removal = { author, logs: [...logs] };
    this.#removals.add(removal);
    this.#begin({ step: () => this.#step(removal) });
  }

  /** The author's at once, before anything of it can come again: a row that is deleted late would be a new one. */
  finish(author: NodeId): void {
    for (const removal of this.#removals) {
      if (removal.author === author) while (!this.#step(removal));
    }
  }

  #step(removal: Removal): boolean {
    const log = removal.logs.shift();
    if (log !== undefined) this.#env.out.persist(dropOps(this.#index, log));
    if (removal.logs.length > 0) return false;
    this.#removals.delete(removal);
    return true;
  }
}
