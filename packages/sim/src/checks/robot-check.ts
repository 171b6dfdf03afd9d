/**
 * Robots follow their home (rule VE6, promise P3), and those that give no beat are down when their deadline has passed (rule VE7): the robots of a dead node never show life for longer than the node could, and when all is
 * settled at the end, those of the living are alive and those of the dead are down.
 */
import type { Fleet } from "../fleet/fleet.ts";
import type { Check } from "./check.ts";

/** As for nodes in `life-check.ts`, and one interval until the home's status has reached its robots. */
const LIFE_INTERVALS = 8;
/** One view after a cut: in a large fleet the home says again what has happened meanwhile (rule PU8). */
const REUNION_INTERVALS = 10;
/** Larger ones are those in which not every pulse is for everybody. */
const SMALL_FLEET = 32;
/** Robots change seldom, and reading them all costs: they are looked at now and then. */
const LOOK_EVERY_MS = 5_000;
/** Views of one robot that are looked at, in fleets where looking at all would take longer than the run. */
const VIEWS_A_ROBOT = 64;

/** What a robot's learned jitter adds to a deadline at most. */
const JITTER_PART_MAX = 0.25;
/** Beats come at up to so many times their pace. */
const BEAT_JITTER = 1.1;

/** The one robot that each node hosts in scenarios. */
export function robotOf(node: number): string {
  return `bot-${node}`;
}

/** What robots promise, and what they do. */
export interface RobotPace {
  /** After so long without a beat a robot is down. */
  readonly everyMs: number;
  readonly beatEveryMs: number;
}

export class RobotCheck implements Check {
  readonly #fleet: Fleet;
  readonly #pace: RobotPace;
  readonly #reported = new Set<string>();
  #nextLookMs = LOOK_EVERY_MS;

  constructor(fleet: Fleet, pace: RobotPace) {
    this.#fleet = fleet;
    this.#pace = pace;
  }

  sample(): void {
    const { nowMs, nodes, truth, pulseEveryMs } = this.#fleet;
    if (nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + LOOK_EVERY_MS;
    for (const { index: home } of nodes) this.#checkMute(home);
    for (const { index: home } of nodes) {
      const isLong =
        !truth.isLive(home) && nowMs - truth.deadSinceMs(home) > LIFE_INTERVALS * pulseEveryMs;
      if (!isLong || !truth.hasStarted(home)) continue;
      for (const viewer of this.#viewersOf(home)) {
        const status = this.#statusAt(viewer, home);
        // While a home is suspected and there are too few to judge it, its robots are as last heard.
        const isSuspected = this.#fleet.board.get(viewer, home).status === "late";
        if (!isSuspected && (status === "up" || status === "late"))
          this.#report("P3", viewer, { home, status });
      }
    }
  }

  /** A robot that gives no beat is down once its deadline has passed, and not before (rule VE7). */
  #checkMute(home: number): void {
    const { nowMs, nodes, truth, pulseEveryMs } = this.#fleet;
    const sinceMs = truth.muteSinceMs(home);
    const settleIntervals = nodes.length > SMALL_FLEET ? REUNION_INTERVALS : LIFE_INTERVALS;
    if (sinceMs === undefined || !truth.isLive(home)) return;
    const { everyMs, beatEveryMs } = this.#pace;
    const silentMs = nowMs - sinceMs;
    const isEarly = silentMs < everyMs - BEAT_JITTER * beatEveryMs;
    const isLong = silentMs > everyMs * (1 + JITTER_PART_MAX) + LIFE_INTERVALS * pulseEveryMs;
    if (!isEarly && !isLong) return;
    for (const viewer of this.#viewersOf(home)) {
      // Without a majority nobody says anything of robots (rule VE6), his own included.
      if (!truth.hasMajority(viewer)) continue;
      const togetherMs =
        nowMs - Math.max(truth.togetherSinceMs(viewer, home), truth.majorityChangedMs(viewer));
      if (togetherMs <= settleIntervals * pulseEveryMs) continue;
      const status = this.#statusAt(viewer, home);
      const isDown = status === "down";
      if (status !== undefined && isDown !== isLong)
        this.#report("VE7", viewer, { home, status, how: `gives no beat for ${silentMs} ms` });
    }
  }

  end(): void {
    const { nodes, truth } = this.#fleet;
    for (const { index: home } of nodes) {
      if (!truth.hasStarted(home) || truth.hasLeft(home)) continue;
      for (const viewer of this.#viewersOf(home)) {
        const status = this.#statusAt(viewer, home);
        if (status === undefined || !truth.hasMajority(viewer)) continue;
        const isAlive = status === "up" || status === "late";
        const isTogether = truth.togetherSinceMs(viewer, home) !== Number.POSITIVE_INFINITY;
        if (isTogether && !isAlive) this.#report("VE6", viewer, { home, status });
      }
    }
  }

  /** All in small fleets; in others evenly spread ones, other ones for each robot. */
  #viewersOf(home: number): readonly number[] {
    const { nodes } = this.#fleet;
    const step = Math.max(1, Math.floor(nodes.length / VIEWS_A_ROBOT));
    return nodes.flatMap(({ index }) => (index % step === home % step ? index : []));
  }

  /** Undefined where nothing is expected. */
  #statusAt(viewer: number, home: number): string | undefined {
    const { truth, hostile } = this.#fleet;
    const node = this.#fleet.node(viewer);
    if (!truth.isLive(viewer) || hostile.has(viewer) || hostile.has(home)) return undefined;
    return node.core?.robot(robotOf(home), node.now)?.status;
  }

  #report(
    rule: string,
    viewer: number,
    about: { readonly home: number; readonly status: string; readonly how?: string },
  ): void {
    const { truth } = this.#fleet;
    const { home, status } = about;
    const { how = truth.isLive(home) ? "lives" : "is dead" } = about;
    const key = `${viewer}/${home}/${truth.deadSinceMs(home)}/${rule}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#fleet.report(
      rule,
      `node ${viewer} says ${status} of the robot of node ${home}, which ${how}`,
    );
  }
}
