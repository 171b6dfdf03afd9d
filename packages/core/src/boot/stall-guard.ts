/**
 * Notices that this node itself was away (rule PU6): stalled (its own pulse is overdue), or suspended, restored or re-set (its wall and
 * monotonic clocks part). Either way what it believes about others' silence is worth nothing for a moment.
 */
import type { Now } from "../now.ts";

export type Absence =
  | { readonly type: "none" }
  /** Late by so much, with clocks in step. */
  | { readonly type: "stalled"; readonly forMs: number }
  /** The wall clock moved by so much more (or less) than the monotonic one. */
  | { readonly type: "clocks-parted"; readonly byMs: number };

export class StallGuard {
  readonly #toleranceMs: number;
  #last: Now | undefined;

  /** `toleranceMs`: one interval of the own pulses. */
  constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs;
  }

  /** Called first with every input; `dueMonoMs` is when the own next pulse was planned, or what else was to wake this node. */
  check(now: Now, dueMonoMs: number): Absence {
    const last = this.#last;
    this.#last = { monoMs: now.monoMs, wallMs: now.wallMs };
    if (last === undefined) return { type: "none" };
    const partedMs = now.wallMs - last.wallMs - (now.monoMs - last.monoMs);
    if (Math.abs(partedMs) > this.#toleranceMs) return { type: "clocks-parted", byMs: partedMs };
    const lateMs = now.monoMs - Math.max(dueMonoMs, last.monoMs);
    return lateMs > this.#toleranceMs ? { type: "stalled", forMs: lateMs } : { type: "none" };
  }
}
