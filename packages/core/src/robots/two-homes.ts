/**
 * Notices a second node that claims beats of a robot that has a home (rule VE6), and says so once while it goes on.
 * Whether the home lives does not matter: a claim on a dead home's robot is what somebody would make who wants it to look alive.
 * A robot marked `floating` is meant to do this.
 */
import { compareText } from "../ids.ts";
import type { NodeId, RobotId } from "../ids.ts";

/** Pairs of homes of one robot that are raised at a time; further ones are not while these go on. */
export const HOMES_RAISED_MAX: number = 4;

interface Raised {
  readonly homes: readonly NodeId[];
  readonly atMonoMs: number;
}

export class TwoHomes {
  readonly #raised = new Map<RobotId, readonly Raised[]>();

  /** `other` claims a robot of `home` by a newer beat. Returns both, sorted, unless that was raised and has gone on since. */
  claimed(
    robot: RobotId,
    [home, other]: readonly [NodeId, NodeId],
    windowMs: number,
    nowMonoMs: number,
  ): readonly NodeId[] | undefined {
    const homes = [home, other].toSorted(compareText);
    const standing = (this.#raised.get(robot) ?? []).filter(
      ({ atMonoMs }) => nowMonoMs - atMonoMs <= windowMs,
    );
    const others = standing.filter((raised) => String(raised.homes) !== String(homes));
    if (others.length >= HOMES_RAISED_MAX) return undefined;
    this.#raised.set(robot, [...others, { homes, atMonoMs: nowMonoMs }]);
    return others.length < standing.length ? undefined : homes;
  }

  forget(robot: RobotId): void {
    this.#raised.delete(robot);
  }
}
