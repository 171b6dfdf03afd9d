/**
 * What stays of an author that left (rule CH7): where its epochs ended, and nothing else, once nothing that it wrote has any effect.
 *
 * It is dropped as if a snapshot of nothing covered it, so it is in no digest, vector or answer any more: a newcomer never hears of it, and
 * nobody can be talked into it, because no word of a peer is needed. Whoever still holds such a chain and lists it is not asked for
 * what ended at or before the place kept here; whoever holds more of it is, and what comes counts again. A new boot of the author
 * opens a new epoch above. Rejected: places without entries in the vector, by which a peer could silence an author (promise P4).
 */
import type { Rights } from "../authority/rights.ts";
import type { Env } from "../env.ts";
import { DOCUMENTS, type DocumentName, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { ChainMembership } from "../roster/chain-membership.ts";
import type { Records } from "../state/records.ts";
import type { ChainIndex } from "./chain-index.ts";
import { dropOps, dropSuperfluous } from "./compaction.ts";
import { encodePlace } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { finalRow } from "./rows.ts";

/** Chains dropped in one look, which is as often as a round of sync: a fleet that was replaced must not be deleted in one commit. */
const SHRINKS_A_LOOK = 8;

export interface ShrinkDeps {
  readonly index: ChainIndex;
  readonly membership: ChainMembership;
  readonly rights: Rights;
  readonly records: (of: { readonly document: DocumentName }) => Records;
  readonly isPulled: (log: EpochLog) => boolean;
  readonly isPreparing: (document: DocumentName, author: NodeId, epoch: number) => boolean;
}

export class Shrink {
  readonly #env: Env;
  readonly #deps: ShrinkDeps;
  #lookMonoMs = 0;

  constructor(env: Env, deps: ShrinkDeps) {
    this.#env = env;
    this.#deps = deps;
  }

  /** Timer `sync`: looks at the authors that left, once in the time of a round. */
  onTimer(now: Now): void {
    if (now.monoMs < this.#lookMonoMs) return;
    this.#lookMonoMs = now.monoMs + this.#env.config.syncEveryMs;
    this.#dropReturned();
    let left = SHRINKS_A_LOOK;
    for (const author of this.#deps.membership.leftNodes()) {
      for (const document of DOCUMENTS) {
        if (left > 0 && this.#isOver(document, author)) {
          this.#shrink(document, author);
          left -= 1;
        }
      }
    }
  }

  /** What came of a covered epoch stays only where it is more than what is covered. */
  #dropReturned(): void {
    const { index, records, isPulled } = this.#deps;
    for (const log of index.returned(isPulled)) {
      const dropped = dropSuperfluous(this.#env, index, log);
      for (const old of dropped) records(old).table.drop(old);
      const ops = dropped.flatMap((old) => dropOps(index, old));
      if (ops.length > 0) this.#env.out.persist(ops);
    }
  }

  #isOver(document: DocumentName, author: NodeId): boolean {
    // Of whom nothing counts now something may count again.
    if (author === this.#env.identity.self || !this.#deps.rights.counts(author)) return false;
    const logs = this.#deps.index.epochs(document, author);
    const { table } = this.#deps.records({ document });
    return (
      logs.length > 0 &&
      logs.every((log) => this.#isAtRest(log)) &&
      logs.every((log) => table.robotsOf(log).every((robot) => table.isSuperseded(robot, author)))
    );
  }

  /** Proof of a fork is kept (rule CH5); what is not durable yet, or on its way in, is not over. */
  #isAtRest(log: EpochLog): boolean {
    const { document, author, epoch, fork, durable, head } = log;
    return (
      fork === undefined &&
      durable?.seq === head.seq &&
      !this.#deps.isPreparing(document, author, epoch)
    );
  }

  #shrink(document: DocumentName, author: NodeId): void {
    const { index, records } = this.#deps;
    const logs = index.epochs(document, author);
    const heads = logs.map(({ head }) => head);
    const finals = index.addFinals(document, author, heads);
    const ops = logs.flatMap((log) => dropOps(index, log));
    for (const log of logs) {
      index.remove(log);
      this.#env.ports.documents.drop(log);
      records(log).table.drop(log);
    }
    const value = this.#env.ports.codec.encode(finals.map(encodePlace));
    this.#env.out.persist([...ops, { type: "put", key: finalRow(document, author), value }]);
  }
}
