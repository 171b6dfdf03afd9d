/**
 * Two entries of one author at one place (rule CH5). Both are kept as proof; everybody shows the branch with the smaller hash up to that
 * place and takes nothing more of the epoch, so that all nodes agree whichever branch they saw first.
 */
import type { Env } from "../env.ts";
import type { StoreOp, StoreRow } from "../driver/store.ts";
import type { Records } from "../state/records.ts";
import type { ChainIndex } from "./chain-index.ts";
import type { PartSource } from "./chain-store.ts";
import { decodeEntry, type Entry } from "./entry.ts";
import { superseded } from "./compaction.ts";
import { buildEpoch } from "./epoch-builder.ts";
import type { EpochLog, ForkProof } from "./epoch-log.ts";
import type { Loads } from "./loads.ts";
import { chainRow, entriesRange, forkRow, partRange, partRow } from "./rows.ts";
import { SNAPSHOT_PARTS_MAX } from "./limits.ts";

export class Forks {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #loads: Loads;
  readonly #records: (log: EpochLog) => Records;

  constructor(
    env: Env,
    deps: {
      readonly index: ChainIndex;
      readonly loads: Loads;
      readonly records: (log: EpochLog) => Records;
    },
  ) {
    this.#env = env;
    this.#index = deps.index;
    this.#loads = deps.loads;
    this.#records = deps.records;
  }

  /** A verified entry contradicts the one that is held at its place; `parts` are its own if it is a snapshot that is to be shown. */
  onFork(log: EpochLog, entry: Entry, proof: ForkProof, parts: readonly Uint8Array[]): void {
    const { document, author, epoch } = log;
    const headSeq = log.head.seq;
    const ops: StoreOp[] = [
      {
        type: "put",
        key: forkRow(document, author, epoch, entry.seq, entry.hash),
        value: entry.bytes,
      },
    ];
    for (let seq = entry.seq + 1; seq <= headSeq; seq++)
      ops.push({ type: "del", key: chainRow(document, author, epoch, seq) });
    const hashes = parts.length > 0 && entry.payload.kind === "snapshot" ? entry.payload.parts : [];
    for (const [i, hash] of hashes.entries()) {
      this.#index.holdPart(hash);
      ops.push({ type: "put", key: partRow(hash), value: parts[i] as Uint8Array });
    }
    log.endAt(proof);
    const commit = this.#env.out.persist(ops);
    this.#index.changed(log, commit);
    this.#env.out.emit({ type: "forked", author, epoch, seq: entry.seq }, commit);
    if (headSeq > entry.seq || proof.kept === entry.hash) this.#rebuild(log, entry);
  }

  /** The generation holds what is void now: read the epoch again from disk, this time with the other branch at hand. */
  #rebuild(log: EpochLog, fork: Entry): void {
    const range = { ...entriesRange(log.document, log.author, log.epoch, 0), limit: fork.seq + 1 };
    this.#loads.request(range, (rows) => {
      const entries = decodeRows(this.#env, rows).filter(({ seq }) => seq <= fork.seq);
      const manifests = [...entries, fork].map(({ payload }) =>
        payload.kind === "snapshot" ? payload.parts : [],
      );
      const hashes = [...new Set(manifests.flat())].slice(0, SNAPSHOT_PARTS_MAX);
      const parts = new Map<string, Uint8Array>();
      this.#loadParts(hashes, parts, () =>
        this.#install(log, entries, fork, (hash) => parts.get(hash)),
      );
    });
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
    if (this.#index.log(log.document, log.author, log.epoch) !== log) return;
    const built = buildEpoch(this.#env, entries, [fork], parts);
    if (built === undefined) return;
    const records = this.#records(log);
    const incoming = built.values.map((value) => records.table.incoming(log, value));
    records.table.replace(log, incoming, []);
    this.#swapRows(log, entries, fork);
  }

  /** The shown branch is the one in the chain's rows, the other one is in the fork's rows. */
  #swapRows(log: EpochLog, entries: readonly Entry[], fork: Entry): void {
    const loser = entries.find(({ seq }) => seq === fork.seq);
    if (log.fork?.kept !== fork.hash || loser === undefined) return;
    const { document, author, epoch } = log;
    const ops: StoreOp[] = [];
    if (fork.payload.kind === "snapshot") {
      // It opens a generation: what is before it goes, as with every snapshot.
      ops.push(...superseded(this.#index, log));
      const proof = log.fork;
      log.reopen(fork, fork.payload);
      log.endAt(proof);
    }
    this.#env.out.persist([
      ...ops,
      { type: "put", key: chainRow(document, author, epoch, fork.seq), value: fork.bytes },
      { type: "del", key: forkRow(document, author, epoch, fork.seq, fork.hash) },
      {
        type: "put",
        key: forkRow(document, author, epoch, fork.seq, loser.hash),
        value: loser.bytes,
      },
    ]);
  }
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
