/**
 * Rows that were unreadable at a start, kept as found for whoever wants to know why (rule DU1), and no more of them than
 * {@link BAD_ROWS_MAX}: a disk that goes on to spoil rows must not fill with what it spoiled.
 */
import type { StoreOp, StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { badRow } from "./rows.ts";

/** Unreadable rows that are kept over all starts; the first by key of earlier starts make room. */
export const BAD_ROWS_MAX: number = 1_000;

const PREFIX = badRow("");

export class BadRows {
  readonly #env: Env;
  readonly #earlier = new Set<string>();
  readonly #found = new Set<string>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** A row that is on disk; of others nothing is noted. */
  restore(key: string): void {
    if (key.startsWith(PREFIX)) this.#earlier.add(key);
  }

  /** Moves a row aside and reports it. */
  add({ key, value }: StoreRow, reason: string): void {
    this.#found.add(badRow(key));
    this.#env.out.persist([
      { type: "put", key: badRow(key), value },
      { type: "del", key },
    ]);
    this.#env.out.emit({ type: "quarantined", what: key, reason });
  }

  /** All rows are in: drops what is too much. */
  trim(): void {
    const kept = [
      ...this.#found,
      ...[...this.#earlier].filter((key) => !this.#found.has(key)).toReversed(),
    ];
    const ops = kept.slice(BAD_ROWS_MAX).map((key): StoreOp => ({ type: "del", key }));
    if (ops.length > 0) this.#env.out.persist(ops);
  }
}
