/**
 * Gray failures (rule PU7): who loses or delays too much of what it sends is shown in trouble by most others, and nobody else is for longer than
 * a moment. Of whom pulses are lost that is `late`, for it lives and is heard now and then (ADR 0031); late pulses prove no life, and of whom all
 * are that late whatever is said but `up` is right.
 */
import type { Status } from "@pulsemesh/core";
import type { Fault } from "../faults/fault.ts";
import { endOf } from "../faults/fault.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Check } from "./check.ts";

/** A window of 20 s has to fill, a majority to say so, and half as much again. */
const NOTICE_MS = 45_000;
/** Share of pulses that must be missed (rule PU7). */
const LOSSY_SHARE = 0.4;

/** A node in trouble, long enough to be known. */
interface Span {
  readonly type: "loss" | "delay";
  readonly fromMs: number;
  readonly untilMs: number;
}

export class GrayCheck implements Check {
  readonly #fleet: Fleet;
  /** By faulty node. */
  readonly #spans = new Map<number, Span>();
  readonly #reported = new Set<number>();
  #nextLookMs = 0;

  constructor(fleet: Fleet, faults: readonly Fault[]) {
    this.#fleet = fleet;
    for (const fault of faults) {
      if (fault.type !== "delay" && fault.type !== "loss") continue;
      if (fault.type === "loss" && fault.share <= LOSSY_SHARE) continue;
      const { type, atMs: fromMs, node } = fault;
      this.#spans.set(node, { type, fromMs, untilMs: endOf(fault) });
    }
  }

  sample(): void {
    const { nodes, nowMs } = this.#fleet;
    const begins = [...this.#spans.values()].map(({ fromMs }) => fromMs);
    if (nowMs < this.#nextLookMs || nowMs < Math.min(...begins)) return;
    this.#nextLookMs = nowMs + 1_000;
    for (const { index } of nodes) {
      const span = this.#spans.get(index);
      if (span === undefined || nowMs < span.fromMs || nowMs >= span.untilMs + NOTICE_MS) {
        if (this.#isSaid(index, (status) => status !== "up"))
          this.#report(index, "is well, and most show it in trouble");
      } else if (nowMs >= span.fromMs + NOTICE_MS && nowMs < span.untilMs) {
        if (!this.#isSaid(index, (status) => status !== "up"))
          this.#report(index, "is gray, and most show it up");
        else if (span.type === "loss" && !this.#isSaid(index, (status) => status === "late"))
          this.#report(index, "lives and loses what it sends, and most do not show it late");
      }
    }
  }

  /** Whether most others show a node so. */
  #isSaid(subject: number, is: (status: Status) => boolean): boolean {
    let saying = 0;
    for (const { index } of this.#fleet.nodes)
      if (index !== subject && is(this.#fleet.statusOf(index, subject).status)) saying += 1;
    return saying * 2 > this.#fleet.nodes.length - 1;
  }

  #report(node: number, text: string): void {
    if (this.#reported.has(node)) return;
    this.#reported.add(node);
    this.#fleet.report("PU7", `node ${node} ${text}`);
  }
}
