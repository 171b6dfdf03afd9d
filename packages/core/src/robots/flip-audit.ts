/**
 * Keeps a member that flips its robots on purpose from filling everybody's audit log (promise P6): of the robots of one home a few
 * flips and alarms of two homes a second are written one by one, of the others the number. Statuses and events are never held back.
 *
 * This node's own robots are not counted: its log is their history, and what they may cost is bounded where beats come in (rule VE7).
 */
import type { AuditLog } from "../audit/audit-log.ts";
import { compareText } from "../ids.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";

/** Flips of all robots of one other home, and robots that it takes from others, that the audit log takes in a second. */
export const ROBOT_FLIPS_AUDITED_PER_SECOND_MAX: number = 10;

export class FlipAudit {
  readonly #audit: AuditLog;
  /** By home, in the second under way only: so it holds no more homes than spoke in it. */
  readonly #flips = new Map<NodeId, number>();
  #second = Number.NEGATIVE_INFINITY;

  constructor(audit: AuditLog) {
    this.#audit = audit;
  }

  /** Counts an entry about a robot of `home`; false when it is to be left out. */
  admit(home: NodeId, now: Now): boolean {
    this.settle(now);
    const flips = (this.#flips.get(home) ?? 0) + 1;
    this.#flips.set(home, flips);
    return flips <= ROBOT_FLIPS_AUDITED_PER_SECOND_MAX;
  }

  /** Writes how many were left out of a second that is over, one entry a home. */
  settle(now: Now): void {
    const second = Math.floor(now.monoMs / 1_000);
    if (second === this.#second) return;
    this.#second = second;
    for (const [home, flips] of [...this.#flips].toSorted(([a], [b]) => compareText(a, b))) {
      const suppressed = flips - ROBOT_FLIPS_AUDITED_PER_SECOND_MAX;
      if (suppressed > 0) this.#audit.append("robot-entries-suppressed", { home, suppressed }, now);
    }
    this.#flips.clear();
  }
}
