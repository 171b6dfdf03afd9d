/** Questions to the store that are under way (rule DU1): core asks with a `load` effect and goes on when the rows come as an input. */
import type { StoreRange, StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { LoadId } from "../input.ts";
import type { Now } from "../now.ts";

type Continue = (rows: readonly StoreRow[], now: Now) => void;

export class Loads {
  readonly #env: Env;
  readonly #waiting = new Map<LoadId, { readonly rows: StoreRow[]; readonly next: Continue }>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Asks for a (bounded) range; `next` runs inside the input that brings its last page. */
  request(range: StoreRange, next: Continue): void {
    this.#waiting.set(this.#env.out.load(range), { rows: [], next });
  }

  /** A page came; answers to others' loads are ignored. */
  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean, now: Now): void {
    const waiting = this.#waiting.get(load);
    if (waiting === undefined) return;
    waiting.rows.push(...rows);
    if (done) {
      this.#waiting.delete(load);
      waiting.next(waiting.rows, now);
    }
  }
}
