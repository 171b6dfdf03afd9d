/** The driver's storage port over a {@link SimulatedDisk}: group commit on a virtual clock, failures and crashes on demand. */
import {
  type CorruptRow,
  PulsemeshError,
  type Store,
  type StoreOp,
  type StoreRange,
  type StoreRow,
} from "@pulsemesh/core";
import type { SimulatedDisk } from "./simulated-disk.ts";

export interface SimulatedStoreOptions {
  /** Runs a function after so many virtual milliseconds. @default the next microtask, whatever the delay */
  readonly schedule?: ((run: () => void, delayMs: number) => void) | undefined;
  /** How long one sync takes, in virtual milliseconds. @default 1 */
  readonly syncMs?: number | undefined;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: PulsemeshError) => void;
}

export class SimulatedStore implements Store {
  readonly #disk: SimulatedDisk;
  readonly #schedule: (run: () => void, delayMs: number) => void;
  readonly #syncMs: number;
  #waiting: Waiting[] = [];
  #syncing = false;
  #isOpen = false;
  #failure: PulsemeshError | undefined;
  /** Commits of an earlier life of the process never answer. */
  #life = 0;
  #idle: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(disk: SimulatedDisk, options: SimulatedStoreOptions = {}) {
    this.#disk = disk;
    this.#schedule = options.schedule ?? ((run) => queueMicrotask(run));
    this.#syncMs = options.syncMs ?? 1;
  }

  get corrupt(): readonly CorruptRow[] {
    return this.#disk.corrupt;
  }

  /** A simulated disk keeps nothing aside. */
  get discarded(): number {
    return 0;
  }

  open(): Promise<void> {
    this.#isOpen = true;
    this.#failure = undefined;
    return Promise.resolve();
  }

  commit(ops: readonly StoreOp[]): Promise<void> {
    if (!this.#isOpen) return Promise.reject(notOpen());
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    try {
      this.#disk.append(ops);
    } catch (error) {
      this.#failure =
        error instanceof PulsemeshError ? error : new PulsemeshError("store-failed", String(error));
      return Promise.reject(this.#failure);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ resolve, reject });
    this.#startSync();
    return promise;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    if (!this.#isOpen) throw notOpen();
    return Promise.resolve(this.#disk.get(key));
  }

  async *scan(range: StoreRange): AsyncIterable<StoreRow> {
    if (!this.#isOpen) throw notOpen();
    yield* this.#disk.scan(range);
  }

  /** Power cut: the process is gone, nothing that waits is answered, and the disk loses what was not synced. */
  crash(options: { readonly tear?: boolean | undefined } = {}): void {
    this.#life += 1;
    this.#waiting = [];
    this.#syncing = false;
    this.#isOpen = false;
    this.#disk.crash(options);
  }

  async close(): Promise<void> {
    if (this.#syncing) await this.#idle.promise;
    this.#isOpen = false;
  }

  #startSync(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    this.#idle = Promise.withResolvers<void>();
    this.#syncGroup(this.#life);
  }

  /** Syncs what was appended before it began; what comes meanwhile is the next group. */
  #syncGroup(life: number): void {
    const group = this.#waiting.splice(0);
    this.#schedule(() => {
      if (life !== this.#life) return;
      this.#disk.sync(group.length);
      for (const commit of group) commit.resolve();
      if (this.#waiting.length > 0) {
        this.#syncGroup(life);
      } else {
        this.#syncing = false;
        this.#idle.resolve();
      }
    }, this.#syncMs);
  }
}

function notOpen(): PulsemeshError {
  return new PulsemeshError(
    "store-failed",
    "Cannot use the store as it is not open. Nothing was changed; open it first.",
  );
}
