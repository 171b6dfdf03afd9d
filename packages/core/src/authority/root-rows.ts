/**
 * Root statements that a peer has handed over by sync and that wait for the rest of its row, so that the row is judged as a whole (rule ME2), in however
 * many answers it comes. They wait no longer than the exchange with that peer goes on, and each was signed by a key that a root statement speaks of.
 */
import type { NodeId } from "../ids.ts";
import type { StatementId } from "./claims.ts";
import { ROOTS_MAX, type RootStatement } from "./root-chain.ts";

export class RootRows {
  readonly #rows = new Map<NodeId, Map<StatementId, RootStatement>>();

  /** Beyond {@link ROOTS_MAX} it is passed over: no row is longer. */
  add(peer: NodeId, root: RootStatement): void {
    const row = this.#rows.get(peer) ?? new Map<StatementId, RootStatement>();
    if (row.size < ROOTS_MAX) row.set(root.id, root);
    this.#rows.set(peer, row);
  }

  has(peer: NodeId): boolean {
    return this.#rows.has(peer);
  }

  /** Ends the waiting; what that peer had handed over. */
  take(peer: NodeId): readonly RootStatement[] {
    const row = [...(this.#rows.get(peer)?.values() ?? [])];
    this.#rows.delete(peer);
    return row;
  }
}
