/**
 * A disk that can be pulled out of the wall, for simulation: what was appended is visible at once, as in a page cache, but only
 * what was synced survives a crash. `kill -9` never shows a missing sync, because the page cache outlives the process; this
 * does (promise P5). Synchronous and deterministic: all chance comes from the given random stream.
 *
 * Writes are atomic, as LevelDB's checksummed log records are: the one that a crash tears in two fails its checksum at the next
 * start and is dropped whole.
 */
import {
  type CorruptRow,
  PulsemeshError,
  type StoreOp,
  type StoreRange,
  type StoreRow,
} from "@pulsemesh/core";
import { compareUtf8 } from "./compare-utf8.ts";

export interface SimulatedDiskOptions {
  /** Uniform in [0, 1); asked only by {@link SimulatedDisk.crash}. */
  readonly random: () => number;
  /**
   * False makes {@link SimulatedDisk.sync} a lie, as a store that forgot to sync: tests of durability must fail then.
   * @default true
   */
  readonly sync?: boolean | undefined;
}

export interface CrashReport {
  /** Writes that were not synced and survived all the same, oldest first. */
  readonly keptWrites: number;
  /** Writes that are gone, the torn one included. */
  readonly lostWrites: number;
  /** Whether one of them was torn in two. */
  readonly torn: boolean;
}

type Value = Uint8Array | undefined;

export class SimulatedDisk {
  readonly #random: () => number;
  readonly #honest: boolean;
  readonly #durable = new Map<string, Uint8Array>();
  readonly #corrupt: CorruptRow[] = [];
  #unsynced: (readonly StoreOp[])[] = [];
  #failure: "store-full" | "store-failed" | undefined;

  constructor(options: SimulatedDiskOptions) {
    this.#random = options.random;
    this.#honest = options.sync ?? true;
  }

  /** Writes that a crash may take. */
  get unsyncedWrites(): number {
    return this.#unsynced.length;
  }

  /** Rows that {@link corruptRow} hit; they are never read again. */
  get corrupt(): readonly CorruptRow[] {
    return this.#corrupt;
  }

  /**
   * One atomic write into the page cache.
   * @throws PulsemeshError as set by {@link failWrites}; then nothing has changed.
   */
  append(ops: readonly StoreOp[]): void {
    if (this.#failure !== undefined) {
      throw new PulsemeshError(
        this.#failure,
        "Cannot write to the simulated disk. Nothing was changed.",
      );
    }
    this.#unsynced.push(
      ops.map((op) => (op.type === "put" ? { ...op, value: op.value.slice() } : op)),
    );
  }

  /** Makes the oldest `writes` unsynced writes durable; all by default. */
  sync(writes: number = this.#unsynced.length): void {
    if (this.#honest) this.#settle(writes);
  }

  get(key: string): Value {
    for (let i = this.#unsynced.length - 1; i >= 0; i--) {
      const op = this.#unsynced[i]?.findLast((candidate) => candidate.key === key);
      if (op !== undefined) return op.type === "put" ? op.value : undefined;
    }
    return this.#durable.get(key);
  }

  /** Rows of the range in byte order of their keys, as they are now. */
  scan(range: StoreRange): StoreRow[] {
    const rows = new Map<string, Value>(this.#durable);
    for (const ops of this.#unsynced) {
      for (const op of ops) rows.set(op.key, op.type === "put" ? op.value : undefined);
    }
    const found: StoreRow[] = [];
    for (const [key, value] of rows) {
      if (value === undefined) continue;
      if (compareUtf8(key, range.gte) >= 0 && compareUtf8(key, range.lt) < 0)
        found.push({ key, value });
    }
    found.sort((a, b) => compareUtf8(a.key, b.key));
    if (range.reverse === true) found.reverse();
    return found.slice(0, range.limit ?? found.length);
  }

  /**
   * Power cut: what was not synced is gone. With `tear`, the operating system had got round to some of it: a random number of
   * the oldest writes survive, and the next one is torn.
   */
  crash(options: { readonly tear?: boolean | undefined } = {}): CrashReport {
    const unsynced = this.#unsynced.length;
    const keptWrites = options.tear === true ? Math.floor(this.#random() * unsynced) : 0;
    this.#settle(keptWrites);
    this.#unsynced = [];
    const lostWrites = unsynced - keptWrites;
    return { keptWrites, lostWrites, torn: options.tear === true && lostWrites > 0 };
  }

  /** From now on writes fail with this code; undefined makes the disk whole again. */
  failWrites(code: "store-full" | "store-failed" | undefined): void {
    this.#failure = code;
  }

  /** Bit rot: the row is lost, and reported. */
  corruptRow(key: string): void {
    this.#settle(this.#unsynced.length);
    if (this.#durable.delete(key)) this.#corrupt.push({ key, reason: "checksum" });
  }

  #settle(writes: number): void {
    for (const ops of this.#unsynced.splice(0, writes)) {
      for (const op of ops) {
        if (op.type === "put") this.#durable.set(op.key, op.value);
        else this.#durable.delete(op.key);
      }
    }
  }
}
