/**
 * Group commit (rule DU1): one synced write at a time; everything that arrives meanwhile is the next one.
 *
 * There is no timer. A commit on an idle store is written at once, and under load groups form by themselves while the previous
 * sync is under way, so that no commit ever waits for company. (A fixed delay of a few ms was rejected: it slows the idle case
 * and groups no more under load than the sync itself does.)
 *
 * The first failed write ends it: that group and everything after fails, because a later commit may build on an earlier one.
 */
import { PulsemeshError, type StoreOp } from "@pulsemesh/core";
import { writeError } from "./store-error.ts";

/** Commits that share one synced write at most: what piles up while a busy disk takes 100 ms for a sync must go with the next one. */
export const GROUP_COMMITS_MAX: number = 1_024;
/** Bytes of keys and values that share one synced write at most; a single larger commit is written alone. */
export const GROUP_BYTES_MAX: number = 4 * 1024 * 1024;
/** Commits that may wait. The driver takes fewer; whoever does not keep to that fails as if the disk had. */
export const STORE_COMMITS_WAITING_MAX: number = 16_384;

interface Waiting {
  readonly ops: readonly StoreOp[];
  /** Called as the group is written; adds ops that depend on what is on disk then. */
  readonly prepare: (() => Promise<readonly StoreOp[]>) | undefined;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: PulsemeshError) => void;
}

export class GroupCommit {
  readonly #write: (ops: readonly StoreOp[]) => Promise<void>;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: PulsemeshError | undefined;

  /** @param write Applies ops atomically and resolves once they are durable. Never called twice at a time. */
  constructor(write: (ops: readonly StoreOp[]) => Promise<void>) {
    this.#write = write;
  }

  /** What ended this group commit, if anything did. */
  get failure(): PulsemeshError | undefined {
    return this.#failure;
  }

  /** Resolves once `ops` are durable. Takes effect in call order. */
  commit(ops: readonly StoreOp[], prepare?: Waiting["prepare"]): Promise<void> {
    if (this.#failure === undefined && this.#waiting.length >= STORE_COMMITS_WAITING_MAX) {
      this.#fail(
        new PulsemeshError(
          "store-failed",
          `Cannot write to the store as ${STORE_COMMITS_WAITING_MAX} commits wait already.`,
        ),
      );
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ ops, prepare, bytes: opsBytes(ops), resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when nothing waits and nothing is being written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Commits of one synchronous run of the caller share the first group.
    await Promise.resolve();
    let written: readonly Waiting[] = [];
    for (let group = this.#take(); group.length > 0; group = this.#take()) {
      const writing = this.#writeGroup(group);
      // The next write is on its way before the callers of the last one run.
      for (const commit of written) commit.resolve();
      const failure = await writing;
      if (failure !== undefined) {
        written = [];
        for (const commit of group) commit.reject(failure);
        this.#fail(failure);
      } else {
        written = group;
      }
    }
    this.#running = undefined;
    for (const commit of written) commit.resolve();
  }

  async #writeGroup(group: readonly Waiting[]): Promise<PulsemeshError | undefined> {
    try {
      const ops: StoreOp[] = [];
      for (const commit of group) {
        if (commit.prepare !== undefined) ops.push(...(await commit.prepare()));
        for (const op of commit.ops) ops.push(op);
      }
      if (ops.length > 0) await this.#write(ops);
      return undefined;
    } catch (error) {
      return error instanceof PulsemeshError ? error : writeError(error);
    }
  }

  #take(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const commit of this.#waiting) {
      // What must be prepared reads the disk as it is before its group, so it opens one.
      const mustOpen = commit.prepare !== undefined;
      if (
        count > 0 &&
        (count >= GROUP_COMMITS_MAX || bytes + commit.bytes > GROUP_BYTES_MAX || mustOpen)
      )
        break;
      bytes += commit.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #fail(failure: PulsemeshError): void {
    this.#failure ??= failure;
    for (const commit of this.#waiting.splice(0)) commit.reject(failure);
  }
}

function opsBytes(ops: readonly StoreOp[]): number {
  let bytes = 0;
  for (const op of ops) bytes += op.key.length + (op.type === "put" ? op.value.length : 0);
  return bytes;
}
