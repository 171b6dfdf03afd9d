/**
 * Core's commits on their way to the disk, in order, kept until they are durable.
 *
 * Two kinds of failure part here. A disk that is full is a disk that is slow for ever: what waits is kept, written again every second,
 * and core goes on pulsing meanwhile (rule DU3); rebuilding core would need a new boot, which is a write. Any other failure leaves in
 * doubt what is on disk, so the owner is told to rebuild core from there (rule DU1).
 */
import { type CommitId, PulsemeshError, type Store, type StoreOp } from "@pulsemesh/core";
import type { Clock } from "./clock.ts";

/** Commits that wait before the driver takes no more work from outside. */
export const WAITING_COMMITS_MAX: number = 4_096;
/** Bytes of keys and values that wait for space on a full disk at most; beyond that core is rebuilt without them. */
export const WAITING_BYTES_MAX: number = 32 * 1024 * 1024;
/** How often a full disk is tried again. */
export const FULL_RETRY_EVERY_MS: number = 1_000;

export interface CommitQueueDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** This commit and all before it are durable; told once for all that became so together. */
  readonly durable: (commit: CommitId) => void;
  /** The disk is full: nothing that needs a commit can be acknowledged until {@link recovered}. */
  readonly full: (error: PulsemeshError) => void;
  readonly recovered: () => void;
  /** Nothing more will be written by this queue. */
  readonly failed: (error: PulsemeshError) => void;
}

interface Waiting {
  readonly commit: CommitId;
  readonly ops: readonly StoreOp[];
  readonly bytes: number;
}

export class CommitQueue {
  readonly #deps: CommitQueueDeps;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #state: "writing" | "full" | "failed" = "writing";
  #wasFull = false;
  #durable: CommitId = 0;
  /** Answers to writes of an earlier attempt are none of the present one's business. */
  #attempt = 0;
  #isTelling = false;
  #cancelRetry: (() => void) | undefined;
  #hasEnded = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(deps: CommitQueueDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether the disk was full at the last attempt. */
  get isFull(): boolean {
    return this.#wasFull;
  }

  /** The newest durable commit. */
  get durable(): CommitId {
    return this.#durable;
  }

  add(commit: CommitId, ops: readonly StoreOp[]): void {
    if (this.#state === "failed") return;
    const bytes = ops.reduce(
      (sum, op) => sum + op.key.length + (op.type === "put" ? op.value.length : 0),
      0,
    );
    const entry = { commit, ops, bytes };
    this.#waiting.push(entry);
    this.#bytes += bytes;
    if (this.#state === "writing") {
      this.#write(entry);
    } else if (this.#bytes > WAITING_BYTES_MAX) {
      this.#fail(
        new PulsemeshError(
          "store-full",
          `Cannot keep more than ${WAITING_BYTES_MAX} bytes in memory while the disk is full.`,
        ),
      );
    }
  }

  /** Resolves when everything is durable, or nothing more will be. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 || this.#state !== "writing") return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  /** Stops trying again while the disk is full. What is being written goes on. */
  end(): void {
    this.#cancelRetry?.();
    this.#hasEnded = true;
  }

  #write(entry: Waiting): void {
    const attempt = this.#attempt;
    this.#deps.store.commit(entry.ops).then(
      () => {
        if (attempt === this.#attempt) this.#written(entry);
      },
      (error: unknown) => {
        if (attempt === this.#attempt) this.#rejected(error);
      },
    );
  }

  #written(entry: Waiting): void {
    this.#waiting.shift();
    this.#bytes -= entry.bytes;
    this.#durable = entry.commit;
    if (this.#wasFull && this.#waiting.length === 0) this.#recover();
    if (this.#isTelling) return;
    this.#isTelling = true;
    // The store answers the commits of one group one after the other in this turn; whoever listens needs the last one only.
    queueMicrotask(() => this.#tell());
  }

  #tell(): void {
    this.#isTelling = false;
    this.#deps.durable(this.#durable);
    if (this.#waiting.length === 0) this.#settleIdle();
  }

  /** The first failure speaks for all: the store fails everything behind it. */
  #rejected(cause: unknown): void {
    this.#attempt += 1;
    const error =
      cause instanceof PulsemeshError
        ? cause
        : new PulsemeshError("store-failed", String(cause), { cause });
    if (error.code !== "store-full") {
      this.#fail(error);
      return;
    }
    this.#state = "full";
    this.#settleIdle();
    if (!this.#hasEnded)
      this.#cancelRetry = this.#deps.clock.after(FULL_RETRY_EVERY_MS, () => void this.#retry());
    if (this.#wasFull) return;
    this.#wasFull = true;
    this.#deps.full(error);
  }

  async #retry(): Promise<void> {
    const attempt = this.#attempt;
    try {
      await this.#deps.store.open();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      // While it was closed somebody else may have taken it. Opening writes too: until anything else is over there is nothing to try.
      const isTaken = error instanceof PulsemeshError && error.code === "store-locked";
      const full = () => new PulsemeshError("store-full", String(error), { cause: error });
      this.#rejected(isTaken ? error : full());
      return;
    }
    if (attempt !== this.#attempt) return;
    this.#state = "writing";
    for (const entry of this.#waiting.slice()) this.#write(entry);
    if (this.#waiting.length === 0) this.#recover();
  }

  #recover(): void {
    this.#wasFull = false;
    this.#deps.recovered();
  }

  #fail(error: PulsemeshError): void {
    this.#attempt += 1;
    this.#cancelRetry?.();
    this.#state = "failed";
    this.#settleIdle();
    this.#deps.failed(error);
  }

  #settleIdle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}
