/**
 * The head of the audit log as far as it is durable: what pulses may name (rule DU2). A head that was named and then lost in a crash
 * would look like a log that was cut.
 */
import type { CommitId } from "../input.ts";
import type { AuditHead, AuditLog } from "./audit-log.ts";

export class DurableHead {
  readonly #log: AuditLog;
  #durable: AuditHead;
  readonly #pending: { readonly commit: CommitId; readonly head: AuditHead }[] = [];

  constructor(log: AuditLog) {
    this.#log = log;
    this.#durable = log.head();
  }

  get head(): AuditHead {
    return this.#durable;
  }

  /** Everything in the log came from disk. */
  restored(): void {
    this.#durable = this.#log.head();
  }

  /** The input under way ends with this commit. */
  committing(commit: CommitId): void {
    const head = this.#log.head();
    if (head.size !== (this.#pending.at(-1)?.head ?? this.#durable).size)
      this.#pending.push({ commit, head });
  }

  committed(commit: CommitId): void {
    for (
      let next = this.#pending[0];
      next !== undefined && next.commit <= commit;
      next = this.#pending[0]
    ) {
      this.#durable = next.head;
      this.#pending.shift();
    }
  }
}
