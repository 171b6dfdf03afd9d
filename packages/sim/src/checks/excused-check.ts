/**
 * Silence that has a reason is no death: who has left is judged by nobody (rule VE1), who announced an absence not before that has ended (rule VE9),
 * and in a fleet that has just begun nobody who was not heard yet before all had the time to come up (rule VE8).
 */
import type { CoreEvent } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

/** For how long a node that starts takes whoever it has not heard for one that is still to come (rule VE8). */
const START_UP_INTERVALS = 10;
/** Who did not hear the goodbye, or the announcement, may have accused in the meantime. */
const TOLD_INTERVALS = 3;

export class ExcusedCheck implements Check {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type !== "verdict" || event.kind !== "down" || this.#fleet.hostile.has(node.index))
      return;
    const subject = this.#fleet.indexOf(event.subject);
    if (subject === undefined || this.#fleet.truth.isLive(subject)) return;
    const where = `node ${node.index} says down of node ${subject}`;
    this.#checkAbsence(node.index, subject, where);
    this.#checkStart(subject, where);
  }

  #checkAbsence(viewer: number, subject: number, where: string): void {
    const { truth, nowMs, pulseEveryMs } = this.#fleet;
    const goneMs = truth.deadSinceMs(subject);
    if (truth.togetherMs(viewer, subject).at(-1) === undefined) return;
    // What was said to nobody who is in reach is no excuse.
    const wereTogether = truth.apartSinceMs(viewer, subject) >= goneMs;
    if (!wereTogether || nowMs - goneMs <= TOLD_INTERVALS * pulseEveryMs) return;
    if (truth.hasLeft(subject)) this.#fleet.report("VE1", `${where}, which has left`);
    const leftMs = truth.absentUntilMs(subject) - nowMs;
    if (leftMs > 0)
      this.#fleet.report(
        "VE9",
        `${where}, which has announced to be away for ${Math.round(leftMs)} ms more`,
      );
  }

  #checkStart(subject: number, where: string): void {
    const { truth, nowMs, nodes, pulseEveryMs } = this.#fleet;
    let oldestMs = nowMs;
    for (const { index } of nodes)
      if (truth.isLive(index)) oldestMs = Math.min(oldestMs, truth.liveSinceMs(index));
    const forMs = nowMs - oldestMs;
    if (truth.deadSinceMs(subject) > oldestMs || forMs >= START_UP_INTERVALS * pulseEveryMs) return;
    this.#fleet.report(
      "VE8",
      `${where}, where nobody has been up for longer than ${Math.round(forMs)} ms`,
    );
  }
}
