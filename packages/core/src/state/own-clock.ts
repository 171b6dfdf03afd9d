/**
 * The wall clock by which a node stamps and reads, which never falls back behind a time at which it has stamped before (rule OFF1).
 *
 * A device whose battery is empty wakes up in 1970, and must neither hold its own past to be the future, and hide it, nor write below it. So
 * the time of own writes is on disk, to the hour: stamps may lie a day apart from the clock anyway. It is the time of this node's own clock and
 * never a stamp, because a stamp is above whatever was seen of others: who follows those could be led on, a day at each step.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { Now } from "../now.ts";
import { hlcWallMs } from "./hlc.ts";

/** Row of the latest time at which this node wrote, by its own wall clock, to the hour: dag-cbor wall ms. */
export const CLOCK_ROW: string = "clock";
const STEP_MS = 3_600_000;

export class OwnClock {
  readonly #env: Env;
  #floorWallMs: number | undefined;
  #hasRow = false;

  constructor(env: Env) {
    this.#env = env;
  }

  restore({ key, value }: StoreRow): void {
    const wallMs = this.#decode(value);
    if (typeof wallMs === "number" && Number.isSafeInteger(wallMs)) {
      this.#floorWallMs = wallMs;
      this.#hasRow = true;
    } else this.#env.out.emit({ type: "quarantined", what: key, reason: "malformed" });
  }

  /** The rows are in; `ownHlc` is the highest stamp of own entries, which has to do where there is no row. */
  restored(ownHlc: number): void {
    if (this.#floorWallMs === undefined && ownHlc > 0) this.#floorWallMs = hlcWallMs(ownHlc);
  }

  /** Wall ms to stamp by. */
  wallMs(now: Now): number {
    return Math.max(now.wallMs, this.#floorWallMs ?? now.wallMs);
  }

  /**
   * Wall ms to read by. Of a clock that was set back it is the latest at which it may have written, as the row is to the hour: who had stamped
   * a day ahead led a stamp of this node on to a day after that, and what is acknowledged is shown (promise P5).
   */
  readWallMs(now: Now): number {
    const floorWallMs = this.#floorWallMs ?? now.wallMs;
    return now.wallMs < floorWallMs ? floorWallMs + STEP_MS : now.wallMs;
  }

  /** How far what is stamped now lies ahead of this node's own clock, in ms: 0 unless that was set back. */
  aheadMs(now: Now): number {
    return this.wallMs(now) - now.wallMs;
  }

  /** Something is being written, within the commit of the input under way. */
  written(now: Now): void {
    const wallMs = Math.floor(now.wallMs);
    if (this.#floorWallMs !== undefined && wallMs < this.#floorWallMs + STEP_MS && this.#hasRow)
      return;
    // What a stamp had to do for is pinned by the first write: the next start would find stamps that others led on.
    this.#floorWallMs = Math.max(wallMs, this.#floorWallMs ?? wallMs);
    this.#hasRow = true;
    const value = this.#env.ports.codec.encode(this.#floorWallMs);
    this.#env.out.persist([{ type: "put", key: CLOCK_ROW, value }]);
  }

  #decode(value: Uint8Array): unknown {
    try {
      return this.#env.ports.codec.decode(value);
    } catch {
      return undefined;
    }
  }
}
