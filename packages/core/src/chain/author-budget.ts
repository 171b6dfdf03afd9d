/**
 * How much one author may make this node store, by gossip and by sync alike (promise P6). Counted is only what its author signed and what is
 * new here, so nobody can use up the budget of another. What is beyond it is left out and counted, and sync brings it later: what follows
 * is not linked until then, so that every node shows a prefix of the same chain.
 */
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";

/** Entries of one author that are stored at once … */
export const AUTHOR_BURST_ENTRIES_MAX: number = 8_000;
/** … and a second, from then on. */
export const AUTHOR_ENTRIES_PER_SECOND_MAX: number = 1_000;
/** Bytes of entries of one author that are stored at once: more than an author keeps between two snapshots … */
export const AUTHOR_BURST_BYTES_MAX: number = 32 * 1024 * 1024;
/** … and a second, from then on. */
export const AUTHOR_BYTES_PER_SECOND_MAX: number = 512 * 1024;

const SECOND_MS = 1_000;
/** After so long every budget is whole again. */
const WHOLE_AFTER_MS =
  SECOND_MS *
  Math.max(
    AUTHOR_BURST_ENTRIES_MAX / AUTHOR_ENTRIES_PER_SECOND_MAX,
    AUTHOR_BURST_BYTES_MAX / AUTHOR_BYTES_PER_SECOND_MAX,
  );

interface Budget {
  entries: number;
  bytes: number;
  sinceMonoMs: number;
}

export class AuthorBudgets {
  readonly #budgets = new Map<NodeId, Budget>();
  #sweptMonoMs = 0;

  /** Takes one entry out of its author's budget; false when there is not enough left. */
  take(author: NodeId, bytes: number, now: Now): boolean {
    this.#sweep(now);
    const budget = this.#refilled(author, now);
    if (budget.entries < 1 || budget.bytes < bytes) return false;
    budget.entries -= 1;
    budget.bytes -= bytes;
    return true;
  }

  #refilled(author: NodeId, { monoMs }: Now): Budget {
    let budget = this.#budgets.get(author);
    if (budget === undefined) {
      budget = {
        entries: AUTHOR_BURST_ENTRIES_MAX,
        bytes: AUTHOR_BURST_BYTES_MAX,
        sinceMonoMs: monoMs,
      };
      this.#budgets.set(author, budget);
    }
    const seconds = Math.max(monoMs - budget.sinceMonoMs, 0) / SECOND_MS;
    budget.sinceMonoMs = monoMs;
    budget.entries = Math.min(
      budget.entries + seconds * AUTHOR_ENTRIES_PER_SECOND_MAX,
      AUTHOR_BURST_ENTRIES_MAX,
    );
    budget.bytes = Math.min(
      budget.bytes + seconds * AUTHOR_BYTES_PER_SECOND_MAX,
      AUTHOR_BURST_BYTES_MAX,
    );
    return budget;
  }

  /** Forgets budgets that are whole again, so that only authors are kept that wrote lately. */
  #sweep({ monoMs }: Now): void {
    if (monoMs - this.#sweptMonoMs < WHOLE_AFTER_MS) return;
    this.#sweptMonoMs = monoMs;
    for (const [author, { sinceMonoMs }] of this.#budgets)
      if (monoMs - sinceMonoMs >= WHOLE_AFTER_MS) this.#budgets.delete(author);
  }
}
