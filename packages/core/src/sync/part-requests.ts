/**
 * When neighbours are asked for the parts that stand for revoked authors (rule ME1): a moment after some are found to be lacking, then ever less often, as
 * nobody may have them yet, or any more.
 */
import type { HashHex } from "../ids.ts";
import type { Now } from "../now.ts";

/** Between the first two times, in ms; then twice as long each time, up to a round. */
const RETRY_MS = 500;

/** The parts, in the hands of whoever shows them. */
export interface CustodyParts {
  readonly isLacking: boolean;
  /** Some of those that have to be fetched. */
  lacking(): readonly HashHex[];
  /** True when the part is one of them. */
  offer(hash: HashHex, bytes: Uint8Array): boolean;
}

export class PartRequests {
  readonly #custodies: CustodyParts;
  readonly #waitMsMax: number;
  #dueMonoMs = Number.POSITIVE_INFINITY;
  #waitMs = RETRY_MS;

  constructor(custodies: CustodyParts, waitMsMax: number) {
    this.#custodies = custodies;
    this.#waitMsMax = waitMsMax;
  }

  /** Infinite while nothing is lacking. */
  get dueMonoMs(): number {
    return this.#dueMonoMs;
  }

  /** Something may be lacking that was not before, or somebody else may be asked. */
  look(now: Now, delayMs: number): void {
    if (!this.#custodies.isLacking) return;
    this.#waitMs = RETRY_MS;
    this.#dueMonoMs = Math.min(this.#dueMonoMs, now.monoMs + delayMs);
  }

  /** Whether it is time to ask. */
  take(now: Now): boolean {
    if (now.monoMs < this.#dueMonoMs) return false;
    this.#dueMonoMs = Number.POSITIVE_INFINITY;
    if (!this.#custodies.isLacking) return false;
    this.#dueMonoMs = now.monoMs + this.#waitMs;
    this.#waitMs = Math.min(this.#waitMs * 2, this.#waitMsMax);
    return true;
  }
}
