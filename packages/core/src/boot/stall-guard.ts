/**
 * Notices that this node itself was away (rule PU6): stalled (its own pulse is overdue), or suspended, restored or re-set (its wall and
 * monotonic clocks part). Either way what it believes about others' silence is worth nothing for a moment.
 */
import { OFFSET_RISE_PER_MS } from "../liveness/rules.ts";
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
  /** Wall minus monotonic time. It follows clocks that are slewed; suspensions too short to be noticed add up against it. */
  #apartMs = 0;

  /** `toleranceMs`: one interval of the own pulses. */
  constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs;
  }

  /** Called first with every input; `dueMonoMs` is when the own next pulse was planned, or what else was to wake this node. */
  check(now: Now, dueMonoMs: number): Absence {
    const last = this.#last;
    this.#last = { monoMs: now.monoMs, wallMs: now.wallMs };
    const apartMs = now.wallMs - now.monoMs;
    if (last === undefined) {
      this.#apartMs = apartMs;
      return { type: "none" };
    }
    const partedMs = apartMs - this.#apartMs;
    if (Math.abs(partedMs) > this.#toleranceMs) {
      this.#apartMs = apartMs;
      return { type: "clocks-parted", byMs: partedMs };
    }
    // What receivers forgive a sender's clock (rule PU4), and no more: their dates lag by the rest.
    const followedMsMax = (now.monoMs - last.monoMs) * OFFSET_RISE_PER_MS;
    this.#apartMs += Math.sign(partedMs) * Math.min(Math.abs(partedMs), followedMsMax);
    const lateMs = now.monoMs - Math.max(dueMonoMs, last.monoMs);
    return lateMs > this.#toleranceMs ? { type: "stalled", forMs: lateMs } : { type: "none" };
  }
}
