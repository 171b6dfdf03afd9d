/**
 * Due times of robots with a cron line: wall times, planned onto the monotonic clock (rules SG3, VE7).
 * The home alone evaluates cron, through a port. A wall step makes new plans from the new time: it is no missed run. A robot whose
 * run is already late keeps its date: a step forgives nobody.
 */
import type { RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { CronPort } from "../ports.ts";
import type { LocalRobot } from "./local-robot.ts";
import { WallWatch } from "./wall-watch.ts";

export class CronPlans {
  readonly #cron: CronPort;
  readonly #wall = new WallWatch();
  readonly #planned = new Set<RobotId>();

  constructor(cron: CronPort) {
    this.#cron = cron;
  }

  /** Plans the next run after the robot's newest contact, or after its registration. */
  plan(robot: LocalRobot, now: Now): void {
    const afterWallMs = Math.min(robot.last?.wallMs ?? robot.registered.wallMs, now.wallMs);
    this.#planAfter(robot, afterWallMs, now);
  }

  /** Plans the next run after now: a new schedule has missed nothing yet. */
  planFromNow(robot: LocalRobot, now: Now): void {
    this.#planAfter(robot, now.wallMs, now);
  }

  delete(robot: RobotId): void {
    this.#planned.delete(robot);
  }

  /** Looks at the wall clock; returns the robots whose dates moved, after `onStep` where it has stepped. */
  watch(
    now: Now,
    robotOf: (id: RobotId) => LocalRobot | undefined,
    onStep: (robot: LocalRobot) => void,
  ): readonly LocalRobot[] {
    const change = this.#wall.look(now);
    if (change === "same") return [];
    const moved: LocalRobot[] = [];
    for (const id of this.#planned) {
      const robot = robotOf(id);
      if (robot?.due === undefined || robot.status === "late" || robot.status === "down") continue;
      if (change === "step") {
        onStep(robot);
        this.#planAfter(robot, now.wallMs, now);
      } else robot.due = placed(robot.due.wallMs, now);
      moved.push(robot);
    }
    return moved;
  }

  #planAfter(robot: LocalRobot, afterWallMs: number, now: Now): void {
    const { schedule } = robot;
    if (schedule.type !== "cron") {
      robot.due = undefined;
      this.#planned.delete(robot.id);
      return;
    }
    const dueWallMs = this.#cron.nextDueWallMs(schedule.line, schedule.timeZone, afterWallMs);
    robot.due = dueWallMs === undefined ? undefined : placed(dueWallMs, now);
    this.#planned.add(robot.id);
  }
}

function placed(wallMs: number, now: Now): Now {
  return { wallMs, monoMs: now.monoMs + (wallMs - now.wallMs) };
}
