/**
 * The number of this node's boot (rule PU3): above every one it has ever used and every one that anybody proves to hold of it, and
 * durable before the first pulse bears it. It counts milliseconds, not seconds, so that two processes on copies of one disk which an
 * orchestrator starts together write under epochs of their own: under one, their chains would fork and one branch be lost (ADR 0023).
 */
import { EPOCH_MAX } from "../chain/limits.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { CommitId } from "../input.ts";
import type { Now } from "../now.ts";
import { isIntegerIn } from "../wire/fields.ts";

/** The row that holds the highest boot ever used. */
export const BOOT_ROW: string = "boot";
/** 2020-01-01 UTC, written out because core has no calendar. */
const SINCE_2020_MS = 1_577_836_800_000;
/**
 * A clock beyond this, in 2051, counts no boots: one start with a clock in 2099 would use up the numbers that an epoch can have, and whatever
 * the node wrote from then on would be malformed to everybody, itself included after its next start.
 */
const CLOCK_BOOT_MAX = EPOCH_MAX - 1_000_000_000;

export class Boots {
  readonly #env: Env;
  #stored = 0;
  #pending: { readonly boot: number; readonly commit: CommitId } | undefined;

  constructor(env: Env) {
    this.#env = env;
  }

  /** The highest boot that this disk knows to have been used. */
  get stored(): number {
    return this.#stored;
  }

  restore(row: StoreRow): void {
    try {
      const value = this.#env.ports.codec.decode(row.value);
      if (isIntegerIn(value, 1, EPOCH_MAX)) this.#stored = Math.max(this.#stored, value);
    } catch {
      // A damaged row is as good as none: milliseconds since 2020 are above every boot of an honest past.
    }
  }

  /** Makes the next boot durable; it may be used once its commit is done. */
  open(now: Now, above: number = 0): number {
    const byClock = Math.floor(now.wallMs - SINCE_2020_MS);
    const boot = Math.max(this.#stored + 1, above + 1, byClock <= CLOCK_BOOT_MAX ? byClock : 0);
    this.#stored = boot;
    const commit = this.#env.out.persist([
      { type: "put", key: BOOT_ROW, value: this.#env.ports.codec.encode(boot) },
    ]);
    this.#pending = { boot, commit };
    return boot;
  }

  /** The boot that has just become durable, once. */
  committed(commit: CommitId): number | undefined {
    if (this.#pending === undefined || commit < this.#pending.commit) return undefined;
    const { boot } = this.#pending;
    this.#pending = undefined;
    return boot;
  }
}
