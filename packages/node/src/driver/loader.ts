/**
 * Answers `load` effects: reads a range in pages that neither hold up the loop nor fill the memory. A load sees every commit that core
 * made before it asked, so it waits for those to be durable.
 */
import type { CommitId, LoadId, Store, StoreRange, StoreRow } from "@pulsemesh/core";

/** Rows of one page at most. */
export const PAGE_ROWS_MAX: number = 256;
/** Bytes of values after which a page ends. */
export const PAGE_BYTES_MAX: number = 512 * 1024;
/** Loads that read at a time; the others wait their turn. */
export const LOADS_RUNNING_MAX: number = 4;

/** Rows in pages; the last one, possibly empty, is marked. Each page is handed over before the next is read. */
export async function readPages(
  rows: AsyncIterable<StoreRow>,
  page: (rows: readonly StoreRow[], done: boolean) => void,
): Promise<void> {
  let collected: StoreRow[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (collected.length >= PAGE_ROWS_MAX || bytes >= PAGE_BYTES_MAX) {
      page(collected, false);
      collected = [];
      bytes = 0;
    }
    collected.push(row);
    bytes += row.value.length;
  }
  page(collected, true);
}

export interface LoaderDeps {
  readonly store: Store;
  readonly loaded: (load: LoadId, rows: readonly StoreRow[], done: boolean) => void;
  readonly failed: (error: unknown) => void;
}

interface Waiting {
  readonly load: LoadId;
  readonly range: StoreRange;
  readonly after: CommitId;
}

export class Loader {
  readonly #deps: LoaderDeps;
  #waiting: Waiting[] = [];
  #running = 0;
  #hasEnded = false;

  constructor(deps: LoaderDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Reads `range` once commit `after` is durable. */
  add(load: LoadId, range: StoreRange, after: CommitId, durable: CommitId): void {
    this.#waiting.push({ load, range, after });
    this.advance(durable);
  }

  /** Starts what may start, now that everything up to `durable` is on disk. */
  advance(durable: CommitId): void {
    while (this.#running < LOADS_RUNNING_MAX) {
      const next = this.#waiting[0];
      if (next === undefined || next.after > durable) return;
      this.#waiting.shift();
      void this.#read(next, durable);
    }
  }

  /** Answers nothing any more: core is gone. */
  end(): void {
    this.#hasEnded = true;
    this.#waiting = [];
  }

  async #read({ load, range }: Waiting, durable: CommitId): Promise<void> {
    this.#running += 1;
    try {
      await readPages(this.#deps.store.scan(range), (rows, done) => {
        if (!this.#hasEnded) this.#deps.loaded(load, rows, done);
      });
    } catch (error) {
      if (!this.#hasEnded) this.#deps.failed(error);
    }
    this.#running -= 1;
    this.advance(durable);
  }
}
