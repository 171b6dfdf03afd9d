/**
 * Gray failures (rule PU7): who loses or delays too much of what it sends is shown in trouble by most others, and nobody else is for longer than
 * a moment.
 */
import type { Fault } from "../faults/fault.ts";
import { endOf } from "../faults/fault.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Check } from "./check.ts";

/** A window of 20 s has to fill, a majority to say so, and half as much again. */
const NOTICE_MS = 45_000;
/** Share of pulses that must be missed (rule PU7). */
const LOSSY_SHARE = 0.4;

export class GrayCheck implements Check {
  readonly #fleet: Fleet;
  /** When each faulty node is in trouble, long enough to be known. */
  readonly #spans = new Map<number, readonly [fromMs: number, untilMs: number]>();
  readonly #reported = new Set<number>();
  #nextLookMs = 0;

  constructor(fleet: Fleet, faults: readonly Fault[]) {
    this.#fleet = fleet;
    for (const fault of faults) {
      const isTrouble =
        fault.type === "delay" || (fault.type === "loss" && fault.share > LOSSY_SHARE);
      if (isTrouble) this.#spans.set(fault.node, [fault.atMs, endOf(fault)]);
    }
  }

  sample(): void {
    const { nodes, nowMs } = this.#fleet;
    const begins = [...this.#spans.values()].map(([fromMs]) => fromMs);
    if (nowMs < this.#nextLookMs || nowMs < Math.min(...begins)) return;
    this.#nextLookMs = nowMs + 1_000;
    for (const { index } of nodes) {
      const [fromMs, untilMs] = this.#spans.get(index) ?? [Number.POSITIVE_INFINITY, 0];
      const isDue = nowMs >= fromMs + NOTICE_MS && nowMs < untilMs;
      const isFaulty = nowMs >= fromMs && nowMs < untilMs + NOTICE_MS;
      const isShown = this.#isShown(index);
      if (isDue && !isShown) this.#report(index, "is gray, and most show it up");
      if (!isFaulty && isShown) this.#report(index, "is well, and most show it in trouble");
    }
  }

  /** Whether most others show a node as other than up. */
  #isShown(subject: number): boolean {
    let troubled = 0;
    for (const { index } of this.#fleet.nodes)
      if (index !== subject && this.#fleet.statusOf(index, subject).status !== "up") troubled += 1;
    return troubled * 2 > this.#fleet.nodes.length - 1;
  }

  #report(node: number, text: string): void {
    if (this.#reported.has(node)) return;
    this.#reported.add(node);
    this.#fleet.report("PU7", `node ${node} ${text}`);
  }
}
