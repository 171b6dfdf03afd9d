/**
 * When a silent robot becomes `late` and `down` (rule VE7): a pure function of the facts, so that a timer that fires late,
 * early or twice changes nothing.
 *
 * A deadline's own millisecond still counts as in time: the status changes at `deadline + 1 ms`, and dates from the deadline.
 * The rejected alternative was to store the next deadline with each beat; then every rule that moves one (stalls, runs,
 * wall steps) would have to find and correct it.
 */
import type { RobotReason } from "../view/status.ts";
import type { LocalRobot, LocalStatus } from "./local-robot.ts";

export interface Judgement {
  readonly status: LocalStatus;
  readonly reason: RobotReason | undefined;
  /** The deadline that passed; undefined when none has. */
  readonly sinceMonoMs: number | undefined;
  /** First date at which the judgement can be another one without any new fact; Infinity for never. */
  readonly nextMonoMs: number;
}

interface Deadline {
  readonly atMonoMs: number;
  readonly reason: RobotReason;
}

/** Learned jitter delays `late` by at most this part of `every`. */
export const JITTER_PART_MAX: number = 0.25;

/** What the deadlines alone say at `nowMonoMs`; whether that may improve a status is up to the caller. */
export function judgeRobot(robot: LocalRobot, nowMonoMs: number): Judgement {
  const down = downDeadline(robot);
  if (nowMonoMs >= down.atMonoMs + 1) {
    return {
      status: "down",
      reason: down.reason,
      sinceMonoMs: down.atMonoMs,
      nextMonoMs: Infinity,
    };
  }
  if (isWaiting(robot)) {
    return {
      status: "new",
      reason: undefined,
      sinceMonoMs: undefined,
      nextMonoMs: down.atMonoMs + 1,
    };
  }
  const late = earlier(lateDeadline(robot), down);
  if (nowMonoMs >= late.atMonoMs + 1) {
    return {
      status: "late",
      reason: late.reason,
      sinceMonoMs: late.atMonoMs,
      nextMonoMs: down.atMonoMs + 1,
    };
  }
  return { status: "up", reason: undefined, sinceMonoMs: undefined, nextMonoMs: late.atMonoMs + 1 };
}

/** When the robot becomes `down` unless it gives another beat; infinite for never. */
export function downMonoMs(robot: LocalRobot): number {
  return downDeadline(robot).atMonoMs;
}

/** How far to let `late` wait beyond `everyMs` where intervals of up to `greatestMs` are usual: twice the overrun. */
export function lateAllowanceMs(everyMs: number, greatestMs: number): number {
  const overMs = Math.max(0, greatestMs - everyMs);
  return Math.min(Math.ceil(everyMs * JITTER_PART_MAX), Math.ceil(overMs * 2));
}

/** Registered, and no live beat yet: only the startup deadline counts. */
function isWaiting(robot: LocalRobot): boolean {
  return robot.last === undefined || robot.status === "new";
}

function lateDeadline(robot: LocalRobot): Deadline {
  const { schedule, run, allowanceMs } = robot;
  const atMonoMs = ordinaryLateMonoMs(robot) + allowanceMs;
  if (run === undefined || schedule.graceMs === 0) return { atMonoMs, reason: "overdue" };
  const runLate = run.started.monoMs + schedule.graceMs + allowanceMs;
  return earlier({ atMonoMs: runLate, reason: "run-overdue" }, { atMonoMs, reason: "overdue" });
}

function ordinaryLateMonoMs(robot: LocalRobot): number {
  const { schedule, last, due } = robot;
  if (schedule.type === "cron") return due?.monoMs ?? Infinity;
  return (last?.monoMs ?? 0) + schedule.everyMs + robot.jitterMs;
}

function downDeadline(robot: LocalRobot): Deadline {
  const { schedule, last, run, due, allowanceMs } = robot;
  if (last === undefined || isWaiting(robot)) return startupDeadline(robot);
  const ordinary =
    schedule.type === "cron"
      ? (due?.monoMs ?? Infinity) + schedule.graceMs
      : last.monoMs + schedule.everyMs * schedule.missed + schedule.graceMs;
  const missed: Deadline = { atMonoMs: ordinary + allowanceMs, reason: "missed" };
  // Without grace a run has no limit of its own: it would be overdue in the millisecond in which it began.
  if (run === undefined || schedule.graceMs === 0) return missed;
  const runDown = run.started.monoMs + 2 * schedule.graceMs + allowanceMs;
  return earlier({ atMonoMs: runDown, reason: "run-overdue" }, missed);
}

/** A cron robot cannot be asked for a beat before it is due for the first time. */
function startupDeadline(robot: LocalRobot): Deadline {
  const { schedule, registered, due, allowanceMs } = robot;
  const startup = registered.monoMs + schedule.startupMs;
  const atMonoMs =
    schedule.type === "cron"
      ? Math.max(startup, (due?.monoMs ?? Infinity) + schedule.graceMs)
      : startup;
  return { atMonoMs: atMonoMs + allowanceMs, reason: "never-started" };
}

function earlier(a: Deadline, b: Deadline): Deadline {
  return a.atMonoMs <= b.atMonoMs ? a : b;
}
