/**
 * Two entries of one author at one place (rule CH5). Both are kept as proof; everybody shows the branch with the smaller hash up to that
 * place and takes no further delta of the epoch, so that all nodes agree whichever branches they saw first. Of three or more the two with
 * the smallest hashes are kept. A later snapshot stands for itself and ends it; snapshots never come here.
 */
import type { Env } from "../env.ts";
import type { StoreOp, StoreRow } from "../driver/store.ts";
import type { Now } from "../now.ts";
import type { Records } from "../state/records.ts";
import type { ChainIndex } from "./chain-index.ts";
import type { ChainHooks } from "./chain-store.ts";
import { decodeEntry, type Entry } from "./entry.ts";
import { dropOps, dropSuperfluous, forkOps } from "./compaction.ts";
import { buildEpoch, type PartSource } from "./epoch-builder.ts";
import type { EpochLog, ForkProof } from "./epoch-log.ts";
import type { Loads } from "./loads.ts";
import { chainRow, entriesRange, forkRow, partRange } from "./rows.ts";
import { SNAPSHOT_PARTS_MAX } from "./limits.ts";

export class Forks {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #loads: Loads;
  readonly #records: (log: EpochLog) => Records;
  readonly #hooks: ChainHooks;

  constructor(
    env: Env,
    deps: {
      readonly index: ChainIndex;
      readonly loads: Loads;
      readonly records: (log: EpochLog) => Records;
      readonly hooks: ChainHooks;
    },
  ) {
    this.#env = env;
    this.#index = deps.index;
    this.#loads = deps.loads;
    this.#records = deps.records;
    this.#hooks = deps.hooks;
  }

  /** A verified entry contradicts what is held at its place. */
  onFork(log: EpochLog, entry: Entry, proof: ForkProof, now: Now): void {
    const { document, author, epoch } = log;
    const headSeq = log.head.seq;
    const ops: StoreOp[] = [];
    for (const old of forkOps(log)) if (!isRowOf(old.key, proof)) ops.push(old);
    for (let seq = entry.seq + 1; seq <= headSeq; seq++)
      ops.push({ type: "del", key: chainRow(document, author, epoch, seq) });
    const key = forkRow(document, author, epoch, entry.seq, entry.hash);
    ops.push({ type: "put", key, value: entry.bytes });
    const isNew = log.fork === undefined;
    log.endAt(proof);
    // What ends earlier now may be covered by a snapshot of a later epoch.
    for (const old of dropSuperfluous(this.#env, this.#index, log)) {
      this.#records(old).table.drop(old);
      ops.push(
        ...dropOps(this.#index, old),
        ...(old === log ? [{ type: "del", key } as const] : []),
      );
    }
    const commit = this.#env.out.persist(ops);
    this.#index.changed(log, commit);
    if (isNew) {
      this.#env.out.emit({ type: "forked", author, epoch, seq: entry.seq }, commit);
      this.#hooks.forked?.(entry, now);
    }
    if (headSeq > entry.seq || proof.kept === entry.hash) this.#rebuild(log, entry, proof);
  }

  /** The generation holds what is void now: read the epoch again from disk, this time with the other branch at hand. */
  #rebuild(log: EpochLog, fork: Entry, proof: ForkProof): void {
    const range = { ...entriesRange(log.document, log.author, log.epoch, 0), limit: fork.seq + 1 };
    this.#loads.request(range, (rows) => {
      const entries = decodeRows(this.#env, rows).filter(({ seq }) => seq <= fork.seq);
      const manifests = entries.map(({ payload }) =>
        payload.kind === "snapshot" ? payload.parts : [],
      );
      const hashes = [...new Set(manifests.flat())].slice(0, SNAPSHOT_PARTS_MAX);
      const parts = new Map<string, Uint8Array>();
      this.#loadParts(hashes, parts, () => {
        if (this.#isStill(log, proof)) this.#install(log, entries, fork, (hash) => parts.get(hash));
      });
    });
  }

  /** Whether the branch is still the one to show: while it was read, another proof or a snapshot may have come. */
  #isStill(log: EpochLog, { seq, kept }: ForkProof): boolean {
    const isLive = this.#index.log(log.document, log.author, log.epoch) === log;
    return isLive && log.fork?.seq === seq && log.fork.kept === kept;
  }

  #loadParts(hashes: string[], into: Map<string, Uint8Array>, next: () => void): void {
    const hash = hashes.pop();
    if (hash === undefined) {
      next();
      return;
    }
    this.#loads.request(partRange(hash), ([row]) => {
      if (row !== undefined) into.set(hash, row.value);
      this.#loadParts(hashes, into, next);
    });
  }

  #install(log: EpochLog, entries: readonly Entry[], fork: Entry, parts: PartSource): void {
    const built = buildEpoch(this.#env, entries, [fork], parts);
    if (built === undefined) return;
    const records = this.#records(log);
    const incoming = built.values.map((value) => records.table.incoming(log, value));
    records.table.replace(log, incoming, []);
    this.#swapRows(log, entries, fork);
  }

  /** The shown branch is the one in the chain's rows, the other one is in the fork's rows. */
  #swapRows(log: EpochLog, entries: readonly Entry[], fork: Entry): void {
    if (log.fork?.kept !== fork.hash) return;
    const { document, author, epoch } = log;
    const ops: StoreOp[] = [
      { type: "put", key: chainRow(document, author, epoch, fork.seq), value: fork.bytes },
      { type: "del", key: forkRow(document, author, epoch, fork.seq, fork.hash) },
    ];
    // A branch that was shown before and has lost to two others is gone.
    const loser = entries.find(({ seq }) => seq === fork.seq);
    if (loser?.hash === log.fork.other) {
      const key = forkRow(document, author, epoch, fork.seq, loser.hash);
      ops.push({ type: "put", key, value: loser.bytes });
    }
    this.#env.out.persist(ops);
  }
}

/** Whether a row holds one of the two entries of the proof. */
function isRowOf(key: string, { kept, other }: ForkProof): boolean {
  return key.endsWith(kept) || key.endsWith(other);
}

/** Entries of stored rows; unreadable ones are left out. */
function decodeRows(env: Env, rows: readonly StoreRow[]): readonly Entry[] {
  const entries: Entry[] = [];
  for (const row of rows) {
    const decoded = decodeEntry(env, row.value);
    if (decoded.ok) entries.push(decoded.entry);
  }
  return entries;
}
