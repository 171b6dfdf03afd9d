/**
 * The driver's storage port: an ordered map of bytes with durable, grouped commits (rule DU1).
 * Implemented by `store-level` (LevelDB) and by the simulated disk in `testkit`; both run the same contract suite.
 * Core never calls it: it only returns `persist` and `load` effects.
 */

export type StoreOp =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: string };

export interface StoreRow {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Keys from `gte` (included) to `lt` (excluded), in byte order of their UTF-8. */
export interface StoreRange {
  readonly gte: string;
  readonly lt: string;
  readonly limit?: number | undefined;
  readonly reverse?: boolean | undefined;
}

/** A row that failed its checksum: moved to quarantine, reported, never returned by reads. */
export interface CorruptRow {
  readonly key: string;
  readonly reason: string;
}

export interface Store {
  /** Opens or creates; idempotent; reopens after a failed commit. Rejects with code `store-locked` when another process holds it. */
  open(): Promise<void>;
  /**
   * Applies `ops` atomically and resolves once they are durable (synced). Commits take effect in call order; those that are
   * waiting together share one synced write (at most 5 ms or 256 entries). Rejects with code `store-full` or `store-failed`;
   * then every later commit fails too until the store is reopened (the driver rebuilds core from disk). What failed may turn
   * out after reopening to be on disk whole, or not at all: it was never acknowledged.
   */
  commit(ops: readonly StoreOp[]): Promise<void>;
  get(key: string): Promise<Uint8Array | undefined>;
  /** Reads a consistent snapshot of the range; corrupt rows are skipped and reported through `corrupt`. */
  scan(range: StoreRange): AsyncIterable<StoreRow>;
  /** Rows found corrupt since opening. */
  readonly corrupt: readonly CorruptRow[];
  /** Corrupt rows found since opening that were deleted, as the quarantine was full. */
  readonly discarded: number;
  /** Waits for commits under way; idempotent. */
  close(): Promise<void>;
}
