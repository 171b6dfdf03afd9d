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
  /** The keys of what is durable, once somebody has asked for a range. */
  #sorted: string[] | undefined;
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
    const written = this.#writtenIn(range);
    const keys = this.#keysIn(range, written);
    if (range.reverse === true) keys.reverse();
    return keys.slice(0, range.limit ?? keys.length).flatMap((key) => {
      const value = written.get(key) ?? this.#durable.get(key);
      return value === undefined ? [] : { key, value };
    });
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
    if (this.#delete(key)) this.#corrupt.push({ key, reason: "checksum" });
  }

  /** What is not synced yet: the newest value of each key, undefined where it was deleted. */
  #writtenIn(range: StoreRange): ReadonlyMap<string, Value> {
    const written = new Map<string, Value>();
    for (const ops of this.#unsynced) {
      for (const op of ops) {
        if (compareUtf8(op.key, range.gte) >= 0 && compareUtf8(op.key, range.lt) < 0)
          written.set(op.key, op.type === "put" ? op.value : undefined);
      }
    }
    return written;
  }

  /** Keys with a value, sorted. Those on the disk are kept in order: to sort them all for each range would be a tenth of a large run. */
  #keysIn(range: StoreRange, written: ReadonlyMap<string, Value>): string[] {
    const sorted = this.#sortedKeys();
    const from = placeOf(sorted, range.gte);
    const keys = sorted.slice(from, Math.max(from, placeOf(sorted, range.lt)));
    if (written.size === 0) return keys;
    const kept = keys.filter((key) => !written.has(key));
    const put = [...written].flatMap(([key, value]) => (value === undefined ? [] : key));
    return [...kept, ...put].toSorted(compareUtf8);
  }

  #sortedKeys(): readonly string[] {
    this.#sorted ??= [...this.#durable.keys()].toSorted(compareUtf8);
    return this.#sorted;
  }

  #settle(writes: number): void {
    for (const ops of this.#unsynced.splice(0, writes)) {
      for (const op of ops) {
        if (op.type === "put") this.#put(op.key, op.value);
        else this.#delete(op.key);
      }
    }
  }

  #put(key: string, value: Uint8Array): void {
    if (this.#sorted !== undefined && !this.#durable.has(key))
      this.#sorted.splice(placeOf(this.#sorted, key), 0, key);
    this.#durable.set(key, value);
  }

  #delete(key: string): boolean {
    if (!this.#durable.delete(key)) return false;
    this.#sorted?.splice(placeOf(this.#sorted, key), 1);
    return true;
  }
}

/** Where a key stands among sorted ones, or would. */
function placeOf(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareUtf8(sorted[middle] as string, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
