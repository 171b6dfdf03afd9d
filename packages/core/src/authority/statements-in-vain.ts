/**
 * Statements of the authority that peers hand over and that change nothing here: of keys without authority, outdone by newer ones, beyond what is held. They
 * are well signed, so nobody is to blame for handing one on, and each costs a signature to look at. So of each peer so many are looked at in a second, and
 * which ones they were is remembered: who offers them again is not asked for them.
 *
 * A root statement may give authority to whoever signed them, so it makes all of them worth a look again; and as there may be other reasons, in time each is
 * forgotten.
 */
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { StatementId } from "./claims.ts";

/** Statements of one peer that change nothing and are looked at, in one second, however they come. */
export const STATEMENTS_IN_VAIN_PER_SECOND_MAX: number = 64;
/** Such statements that are remembered, whoever handed them over. */
export const STATEMENTS_IN_VAIN_KEPT_MAX: number = 8_192;
/** How long each of them is, in ms. */
export const IN_VAIN_FOR_MS: number = 600_000;

export class StatementsInVain {
  /** When it was looked at, the oldest first. */
  readonly #seenMonoMs = new Map<StatementId, number>();
  /** Of each peer, in the second under way only. */
  readonly #counts = new Map<NodeId, number>();
  #second = 0;

  /** Whether it was looked at in vain, and nothing has happened since that would make it worth another look. */
  has(id: StatementId, { monoMs }: Now): boolean {
    const seenMonoMs = this.#seenMonoMs.get(id);
    return seenMonoMs !== undefined && monoMs - seenMonoMs < IN_VAIN_FOR_MS;
  }

  /** How many more of that peer may be looked at in this second. */
  left(from: NodeId, now: Now): number {
    this.#turn(now);
    return Math.max(0, STATEMENTS_IN_VAIN_PER_SECOND_MAX - (this.#counts.get(from) ?? 0));
  }

  /** One more of that peer, which may well be looked at again. */
  count(from: NodeId, now: Now): void {
    this.#turn(now);
    this.#counts.set(from, (this.#counts.get(from) ?? 0) + 1);
  }

  add(id: StatementId, from: NodeId, now: Now): void {
    this.count(from, now);
    this.#seenMonoMs.delete(id);
    this.#seenMonoMs.set(id, now.monoMs);
    const [oldest] = this.#seenMonoMs.keys();
    if (oldest !== undefined && this.#seenMonoMs.size > STATEMENTS_IN_VAIN_KEPT_MAX)
      this.#seenMonoMs.delete(oldest);
  }

  /** A root statement came: they are worth a look again. What each peer was granted of this second stays spent. */
  forget(): void {
    this.#seenMonoMs.clear();
  }

  #turn({ monoMs }: Now): void {
    const second = Math.floor(monoMs / 1_000);
    if (second !== this.#second) this.#counts.clear();
    this.#second = second;
  }
}
