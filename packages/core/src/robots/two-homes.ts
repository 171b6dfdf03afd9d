/**
 * Notices two nodes that take beats of one robot (rule VE6): its home goes away and comes back within two periods.
 * One change of home is a move and no alarm; a robot marked `floating` is meant to do this.
 */
import { compareText } from "../ids.ts";
import type { NodeId, RobotId } from "../ids.ts";

/** Former homes of one robot that are remembered. */
export const FORMER_HOMES_MAX: number = 4;

interface Former {
  readonly node: NodeId;
  readonly leftMonoMs: number;
}

export class TwoHomes {
  readonly #former = new Map<RobotId, readonly Former[]>();
  readonly #raised = new Map<RobotId, number>();

  /** The home changed by a newer beat. Returns the two homes, sorted, when that must be raised; at most once in a window. */
  moved(
    robot: RobotId,
    from: NodeId,
    to: NodeId,
    windowMs: number,
    nowMonoMs: number,
  ): readonly NodeId[] | undefined {
    const recent = (this.#former.get(robot) ?? []).filter(
      (former) => nowMonoMs - former.leftMonoMs <= windowMs,
    );
    const isBack = recent.some((former) => former.node === to);
    const others = recent.filter((former) => former.node !== from);
    this.#former.set(
      robot,
      [...others, { node: from, leftMonoMs: nowMonoMs }].slice(-FORMER_HOMES_MAX),
    );
    if (!isBack) return undefined;
    const raisedMonoMs = this.#raised.get(robot);
    this.#raised.set(robot, nowMonoMs);
    // Refreshed with each change, so that an alarm that goes on is raised once and not once a window.
    if (raisedMonoMs !== undefined && nowMonoMs - raisedMonoMs <= windowMs) return undefined;
    return [from, to].toSorted(compareText);
  }

  forget(robot: RobotId): void {
    this.#former.delete(robot);
    this.#raised.delete(robot);
  }
}
