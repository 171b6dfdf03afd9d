/** Group commit on a simulated disk: what was appended while one sync was under way is synced by the next. */
import type { CommitId, StoreOp } from "@pulsemesh/core";
import type { SeededRandom, SimulatedDisk, VirtualClock } from "@pulsemesh/testkit";

/** A sync takes so long; now and then it takes the longer time. */
const SYNC_MS_MIN = 1;
const SYNC_MS_MAX = 8;
const SLOW_SYNC_MS_MAX = 150;
const SLOW_SYNC_SHARE = 0.01;

export interface DiskWriterDeps {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly disk: SimulatedDisk;
  /** A commit is durable; called in their order. */
  readonly durable: (commit: CommitId) => void;
}

/** Belongs to one life of a process: once closed it answers nothing. */
export class DiskWriter {
  readonly #deps: DiskWriterDeps;
  #waiting: CommitId[] = [];
  #isSyncing = false;
  #isClosed = false;

  constructor(deps: DiskWriterDeps) {
    this.#deps = deps;
  }

  /** @throws PulsemeshError when the disk is full or broken. */
  write(commit: CommitId, ops: readonly StoreOp[]): void {
    this.#deps.disk.append(ops);
    this.#waiting.push(commit);
    if (!this.#isSyncing) this.#sync();
  }

  close(): void {
    this.#isClosed = true;
  }

  #sync(): void {
    const group = this.#waiting;
    this.#waiting = [];
    this.#isSyncing = true;
    const { clock, disk, random } = this.#deps;
    const isSlow = random.chance(SLOW_SYNC_SHARE);
    const syncMs = random.between(SYNC_MS_MIN, isSlow ? SLOW_SYNC_MS_MAX : SYNC_MS_MAX);
    clock.call(clock.nowMs + syncMs, () => {
      if (this.#isClosed) return;
      disk.sync(group.length);
      this.#isSyncing = false;
      if (this.#waiting.length > 0) this.#sync();
      for (const commit of group) this.#deps.durable(commit);
    });
  }
}
