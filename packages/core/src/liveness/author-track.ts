/**
 * Which observations of one author were taken (rule VE3), so that each counts once, by gossip or straight, in any order within a short
 * window. It belongs to the subject that the author is, and goes with it: strangers that lose their seat leave nothing behind (promise P6).
 */
import { comparePulseNames, type PulseName } from "../ids.ts";
import { RateWindow } from "../rate-window.ts";

/** Messages that came out of order are still taken within so many of the newest. */
const REORDER_WINDOW = 64;

export class AuthorTrack {
  readonly rate: RateWindow = new RateWindow();
  /** When its last message was taken. */
  spokeMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The date of the newest of them that could be dated. */
  saidMonoMs: number = Number.NEGATIVE_INFINITY;
  #newest: PulseName = { boot: 0, seq: 0 };
  #seen = new Set<number>();

  /** Whether the message named so was not taken yet, and is not too old to tell. */
  isNew(name: PulseName): boolean {
    if (name.boot !== this.#newest.boot) return name.boot > this.#newest.boot;
    return name.seq + REORDER_WINDOW > this.#newest.seq && !this.#seen.has(name.seq);
  }

  mark(name: PulseName): void {
    if (name.boot > this.#newest.boot) this.#seen = new Set();
    this.#seen.add(name.seq);
    if (comparePulseNames(name, this.#newest) <= 0) return;
    this.#newest = { boot: name.boot, seq: name.seq };
    for (const seq of this.#seen) if (seq + REORDER_WINDOW <= name.seq) this.#seen.delete(seq);
  }
}
