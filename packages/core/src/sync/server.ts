/**
 * Answers wants (rule CH6) out of the store, one frame for each want, so that the asker sets the pace and nothing is kept between frames.
 * What was compacted away is answered from the opening on: header, newest snapshot with its parts as far as they fit, deltas after it.
 */
import type { StoreRow } from "../driver/store.ts";
import { SYNC_FRAME_BYTES_MAX } from "../driver/transport.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { ChainIndex } from "../chain/chain-index.ts";
import type { EpochLog } from "../chain/epoch-log.ts";
import type { Loads } from "../chain/loads.ts";
import { entriesRange, forksRange, partRange } from "../chain/rows.ts";
import { encodeSync, HAVE_ITEMS_MAX, WANT_TIMEOUT_MS, type WantItem } from "./messages.ts";

/** Entries in one answer, in bytes: bounds the time that the asker spends on verifying them. */
export const ENTRIES_FRAME_BYTES_MAX: number = 96 * 1024;
/** Rows read from the store at once. */
export const ROWS_PER_LOAD_MAX: number = 512;

const FRAME_OVERHEAD_BYTES = 64;
const BLOB_OVERHEAD_BYTES = 6;

interface Job {
  readonly to: NodeId;
  readonly items: readonly WantItem[];
  readonly sinceMonoMs: number;
  position: number;
  readonly entries: Uint8Array[];
  readonly parts: Uint8Array[];
  bytes: number;
}

export class SyncServer {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #counts: (author: NodeId) => boolean;
  readonly #loads: Loads;
  /** One job per peer; a want that comes before the last was answered is a fault of the peer. */
  readonly #jobs = new Map<NodeId, Job>();

  constructor(
    env: Env,
    deps: {
      readonly index: ChainIndex;
      readonly loads: Loads;
      readonly counts: (author: NodeId) => boolean;
    },
  ) {
    this.#env = env;
    this.#counts = deps.counts;
    this.#index = deps.index;
    this.#loads = deps.loads;
  }

  /** False when the peer asks out of turn: before an answer, and before it can have given up waiting for one. */
  onWant(to: NodeId, items: readonly WantItem[], now: Now): boolean {
    const running = this.#jobs.get(to);
    if (running !== undefined && now.monoMs - running.sinceMonoMs < WANT_TIMEOUT_MS) return false;
    const job: Job = {
      to,
      items,
      sinceMonoMs: now.monoMs,
      position: 0,
      entries: [],
      parts: [],
      bytes: FRAME_OVERHEAD_BYTES,
    };
    this.#jobs.set(to, job);
    this.#next(job);
    return true;
  }

  onPeerDown(peer: NodeId): void {
    this.#jobs.delete(peer);
  }

  #next(job: Job): void {
    if (this.#jobs.get(job.to) !== job) return;
    for (;;) {
      const item = job.items[job.position];
      if (item === undefined) {
        this.#answer(job, false);
        return;
      }
      if (item.type === "part") {
        this.#loads.request(partRange(item.hash), (rows) => this.#onPart(job, rows));
        return;
      }
      const log = this.#index.log(item.document, item.author, item.epoch);
      // Of whom nothing counts nothing is handed on.
      if (log !== undefined && this.#counts(item.author)) {
        this.#loadEntries(job, log, item.fromSeq);
        return;
      }
      job.position++;
    }
  }

  #onPart(job: Job, [row]: readonly StoreRow[]): void {
    if (row === undefined || this.#push(job, job.parts, row.value, SYNC_FRAME_BYTES_MAX)) {
      job.position++;
      this.#next(job);
    } else {
      this.#answer(job, true);
    }
  }

  #loadEntries(job: Job, log: EpochLog, fromSeq: number): void {
    const entryBytes =
      log.deltas === 0 ? 256 : Math.max(Math.floor(log.deltaBytes / log.deltas), 128);
    const room = Math.max(ENTRIES_FRAME_BYTES_MAX - job.bytes, 0);
    const limit = Math.min(Math.ceil(room / entryBytes) + 4, ROWS_PER_LOAD_MAX);
    const range = entriesRange(log.document, log.author, log.epoch, fromSeq, limit);
    this.#loads.request(range, (rows) => this.#onEntries(job, log, rows, limit));
  }

  #onEntries(job: Job, log: EpochLog, rows: readonly StoreRow[], limit: number): void {
    if (!this.#counts(log.author)) {
      job.position++;
      this.#next(job);
      return;
    }
    for (const row of rows) {
      if (!this.#push(job, job.entries, row.value, ENTRIES_FRAME_BYTES_MAX)) {
        this.#answer(job, true);
        return;
      }
      const seq = Number(row.key.slice(row.key.lastIndexOf("/") + 1));
      if (seq === log.openSeq && log.manifest !== undefined) {
        // The asker can do nothing with later deltas before it has the parts: as many as fit now, the rest on demand.
        this.#inlineParts(job, log, [...log.manifest.parts]);
        return;
      }
    }
    const last = rows.at(-1);
    if (last !== undefined && rows.length === limit) {
      this.#loadEntries(job, log, Number(last.key.slice(last.key.lastIndexOf("/") + 1)) + 1);
    } else if (log.fork === undefined) {
      job.position++;
      this.#next(job);
    } else {
      this.#loadForks(job, log);
    }
  }

  #inlineParts(job: Job, log: EpochLog, hashes: string[]): void {
    const hash = hashes.shift();
    if (hash === undefined) {
      job.position++;
      this.#next(job);
      return;
    }
    this.#loads.request(partRange(hash), ([row]) => {
      const fits = row !== undefined && this.#push(job, job.parts, row.value, SYNC_FRAME_BYTES_MAX);
      this.#inlineParts(job, log, fits ? hashes : []);
    });
  }

  #loadForks(job: Job, log: EpochLog): void {
    this.#loads.request(forksRange(log.document, log.author, log.epoch), (forks) =>
      this.#onForks(job, forks),
    );
  }

  #onForks(job: Job, rows: readonly StoreRow[]): void {
    for (const row of rows) {
      if (!this.#push(job, job.entries, row.value, SYNC_FRAME_BYTES_MAX)) {
        this.#answer(job, true);
        return;
      }
    }
    job.position++;
    this.#next(job);
  }

  /** False when the frame is full; an empty frame takes anything. */
  #push(job: Job, into: Uint8Array[], blob: Uint8Array, bytesMax: number): boolean {
    const count = job.entries.length + job.parts.length;
    const bytes = job.bytes + blob.length + BLOB_OVERHEAD_BYTES;
    if (count > 0 && (bytes > bytesMax || count >= HAVE_ITEMS_MAX)) return false;
    into.push(blob);
    job.bytes = bytes;
    return true;
  }

  #answer(job: Job, more: boolean): void {
    if (this.#jobs.get(job.to) !== job) return;
    this.#jobs.delete(job.to);
    const { entries, parts } = job;
    this.#env.out.send(
      job.to,
      "sync",
      encodeSync(this.#env, { type: "have", entries, parts, more }),
    );
  }
}
