/**
 * What a gate must know of a generation to judge the next bytes: who writes, which clock comes next, and where each robot's newest
 * item ends. With one writer a generation is a straight line: an honest item either is a robot's first or names, as its origin,
 * that robot's newest. So the ledger decides in constant time what Yjs would find out by searching, or by waiting.
 */
import type { NodeId, RobotId } from "@pulsemesh/core";

/** How much of the author's id names the root: tells authors apart in a merged document and costs little in each item. */
const ROOT_LENGTH = 8;

/** Name of the root map that an author writes under: the last eight characters of its node id. */
export function rootOf(author: NodeId): string {
  return author.slice(-ROOT_LENGTH);
}

/** One struct of an update, as far as it matters: `robot` is undefined for a collected run. */
export interface Placed {
  readonly robot: RobotId | undefined;
  /** Clock of its last unit. */
  readonly end: number;
  /** Key and encoded value in bytes, 0 when it holds no value. */
  readonly liveBytes: number;
}

/** What an update that passed the gate does. */
export interface Plan {
  readonly placed: readonly Placed[];
  /** Robots whose newest item the delete set covers. */
  readonly deleted: readonly RobotId[];
  readonly nextClock: number;
}

interface Newest {
  readonly end: number;
  readonly liveBytes: number;
}

export class Ledger {
  readonly clientId: number;
  readonly root: string;
  readonly #newest: Map<RobotId, Newest> = new Map();
  readonly #robotAt: Map<number, RobotId> = new Map();
  #nextClock = 0;
  #liveBytes = 0;

  constructor(author: NodeId, clientId: number) {
    this.clientId = clientId;
    this.root = rootOf(author);
  }

  get nextClock(): number {
    return this.#nextClock;
  }

  /** Robots ever named, deleted ones counted. */
  get robotCount(): number {
    return this.#newest.size;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  robots(): Iterable<RobotId> {
    return this.#newest.keys();
  }

  /** Clock at which the robot's newest item ends, undefined when it has none. */
  newestEnd(robot: RobotId): number | undefined {
    return this.#newest.get(robot)?.end;
  }

  /** Whether the robot has a value now. */
  isLive(robot: RobotId): boolean {
    return (this.#newest.get(robot)?.liveBytes ?? 0) > 0;
  }

  liveBytesOf(robot: RobotId): number {
    return this.#newest.get(robot)?.liveBytes ?? 0;
  }

  /** The robot whose newest item ends at this clock. */
  robotAt(clock: number): RobotId | undefined {
    return this.#robotAt.get(clock);
  }

  /** Enters what an update did. */
  record(plan: Plan): void {
    for (const { robot, end, liveBytes } of plan.placed) {
      if (robot !== undefined) this.#place(robot, { end, liveBytes });
    }
    for (const robot of plan.deleted) {
      const newest = this.#newest.get(robot);
      if (newest !== undefined) this.#place(robot, { end: newest.end, liveBytes: 0 });
    }
    this.#nextClock = plan.nextClock;
  }

  #place(robot: RobotId, newest: Newest): void {
    const before = this.#newest.get(robot);
    if (before !== undefined) this.#robotAt.delete(before.end);
    this.#robotAt.set(newest.end, robot);
    this.#newest.set(robot, newest);
    this.#liveBytes += newest.liveBytes - (before?.liveBytes ?? 0);
  }
}
