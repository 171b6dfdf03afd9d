/**
 * Notices that two nodes take the beats of one robot (rule VE6), and says so once while it goes on.
 *
 * Intuition: a robot that is moved on purpose falls silent at its old home, so one change of home says nothing. When the home that was
 * left takes a newer beat, two nodes take them in turn; and where its beats go on after it was left, though the new home always says that its
 * own are newer, both take them at once. A node whose claim is refused, because its chain does not hold the robot, may
 * only be ahead of its own entry; when it goes on for longer than entries take, or while the home goes on as well, it is an impostor or
 * a mistake. Whether the home lives does not matter. A robot marked `floating` is meant to do this.
 */
import { compareText } from "../ids.ts";
import type { NodeId, RobotId } from "../ids.ts";

/** Pairs of homes of one robot that are watched at a time; while so many are raised, no further one is. */
export const HOMES_RAISED_MAX: number = 4;
/** A claim that the document does not know may be ahead of its entry for so long. */
const UNKNOWN_CLAIM_MS = 10_000;

/** One node gives a newer beat of a robot than its home does. */
export interface HomeClaim {
  readonly home: NodeId;
  /** Date of the home's newest beat. */
  readonly homeBeatMonoMs: number;
  readonly claimant: NodeId;
  readonly beatMonoMs: number;
  /** The document does not know the claim, so the home stays what it is. */
  readonly isRefused: boolean;
  /** The claimant is the home by now, and the node that was left has taken a beat since: no further claim is needed. */
  readonly isPastMove?: boolean | undefined;
}

interface Watched {
  readonly homes: readonly NodeId[];
  /** The claim that began it. */
  readonly first: HomeClaim;
  readonly firstMonoMs: number;
  readonly lastMonoMs: number;
  readonly quietMs: number;
  readonly isRaised: boolean;
}

export class TwoHomes {
  readonly #watched = new Map<RobotId, readonly Watched[]>();

  /** Returns both nodes, sorted, when this claim is to be raised: not before the second, and once until `quietMs` without one. */
  claimed(
    robot: RobotId,
    claim: HomeClaim,
    quietMs: number,
    nowMonoMs: number,
  ): readonly NodeId[] | undefined {
    const homes = [claim.home, claim.claimant].toSorted(compareText);
    const standing = (this.#watched.get(robot) ?? []).filter(
      ({ lastMonoMs }) => nowMonoMs - lastMonoMs <= quietMs,
    );
    const known = standing.find((watched) => String(watched.homes) === String(homes));
    const others = withRoom(standing.filter((watched) => watched !== known));
    if (others === undefined) return undefined;
    const isProved =
      claim.isPastMove === true || (known !== undefined && isSecond(known, claim, nowMonoMs));
    const first = known ?? { first: claim, firstMonoMs: nowMonoMs, isRaised: false };
    const isRaised = first.isRaised || isProved;
    const watched = { ...first, homes, lastMonoMs: nowMonoMs, quietMs, isRaised };
    this.#watched.set(robot, [...others, watched]);
    return isRaised && !first.isRaised ? homes : undefined;
  }

  /** Whether both nodes were raised as homes of the robot, and it has gone on since. */
  isRaised(robot: RobotId, a: NodeId, b: NodeId, nowMonoMs: number): boolean {
    const homes = String([a, b].toSorted(compareText));
    for (const watched of this.#watched.get(robot) ?? []) {
      const isStanding = watched.isRaised && nowMonoMs - watched.lastMonoMs <= watched.quietMs;
      if (isStanding && String(watched.homes) === homes) return true;
    }
    return false;
  }

  forget(robot: RobotId): void {
    this.#watched.delete(robot);
  }
}

/** Whether a claim, after the first one between the two nodes, shows that both take beats. */
function isSecond({ first, firstMonoMs }: Watched, claim: HomeClaim, nowMonoMs: number): boolean {
  if (claim.claimant !== first.claimant) return true;
  if (claim.homeBeatMonoMs > first.homeBeatMonoMs) return true;
  const isNewer = claim.beatMonoMs > first.beatMonoMs;
  return claim.isRefused && isNewer && nowMonoMs - firstMonoMs >= UNKNOWN_CLAIM_MS;
}

/** The other pairs, less the oldest that is not raised where there are too many; undefined when all of those are. */
function withRoom(others: readonly Watched[]): readonly Watched[] | undefined {
  if (others.length < HOMES_RAISED_MAX) return others;
  const oldest = others.find(({ isRaised }) => !isRaised);
  return oldest === undefined ? undefined : others.filter((watched) => watched !== oldest);
}
