/**
 * One robot that this node hosts: what is known of it, and its row on disk.
 * Every date is held on both clocks: the monotonic one measures silence, the wall one survives a restart (rule VE7).
 */
import type { BeatKind } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import type { RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { CodecPort } from "../ports.ts";
import type { Health, RobotReason } from "../view/status.ts";
import { isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";
import { checkLabels } from "./labels.ts";
import { scheduleFromJson, scheduleToJson } from "./schedule.ts";

/** The statuses that a home gives its robots; the others are verdicts about nodes. */
export type LocalStatus = "new" | "up" | "late" | "down";

interface RobotRun {
  readonly runId: string | undefined;
  readonly started: Now;
}

/** How the last run ended. */
interface RobotRunEnd {
  readonly kind: BeatKind;
  readonly exitCode: number | undefined;
  readonly runId: string | undefined;
  readonly startedWallMs: number | undefined;
  readonly endedWallMs: number;
}

/** Mutable: it belongs to `LocalRobots` alone. */
export interface LocalRobot {
  readonly id: RobotId;
  schedule: Schedule;
  labels: Readonly<Record<string, string>>;
  floating: boolean;
  health: Health;
  status: LocalStatus;
  reason: RobotReason | undefined;
  since: Now;
  registered: Now;
  /** Contacts ever taken, the number of the newest. */
  beatSeq: number;
  /** Everything ever taken: contacts, logs and those that were coalesced. */
  count: number;
  /** Kind of the newest contact. */
  kind: BeatKind;
  /** The newest contact, undefined before the first. */
  last: Now | undefined;
  run: RobotRun | undefined;
  ended: RobotRunEnd | undefined;
  /** Next due time of a cron schedule. */
  due: Now | undefined;
  /** Twice what its beats exceed `every` by (rule RG5); delays `late`, never `down`. */
  jitterMs: number;
  /** Time in which this node was stalled since the newest contact: no fault of the robot. */
  allowanceMs: number;
  /** Where its intervals are kept, negative for nowhere; no part of its row. */
  place: number;
}

export function newRobot(id: RobotId, schedule: Schedule, now: Now): LocalRobot {
  return {
    id,
    schedule,
    labels: Object.create(null) as Record<string, string>,
    floating: false,
    health: "ok",
    status: "new",
    reason: undefined,
    since: now,
    registered: now,
    beatSeq: 0,
    count: 0,
    kind: "beat",
    last: undefined,
    run: undefined,
    ended: undefined,
    due: undefined,
    jitterMs: 0,
    allowanceMs: 0,
    place: -1,
  };
}

/** Keys of robots' rows start with this. */
export const ROBOT_ROW_PREFIX: string = "robot/";

const STATUSES: readonly unknown[] = ["new", "up", "late", "down"];
const HEALTHS: readonly unknown[] = ["ok", "degraded", "failing"];
const KINDS: readonly unknown[] = ["beat", "start", "success", "fail", "log", "exit"];
const REASONS: readonly unknown[] = ["never-started", "missed", "overdue", "run-overdue"];
const ROW_VERSION = 1;

/** The row of a robot; only wall times, because no monotonic one means anything after a restart. */
export function encodeRobot(codec: CodecPort, robot: LocalRobot): Uint8Array {
  const { run, ended } = robot;
  return codec.encode([
    ROW_VERSION,
    scheduleToJson(robot.schedule),
    { ...robot.labels },
    robot.floating,
    robot.health,
    [robot.status, robot.reason ?? null, robot.since.wallMs],
    robot.registered.wallMs,
    [robot.beatSeq, robot.count, robot.kind, robot.last?.wallMs ?? null],
    run === undefined ? null : [run.runId ?? null, run.started.wallMs],
    ended === undefined
      ? null
      : [
          ended.kind,
          ended.exitCode ?? null,
          ended.runId ?? null,
          ended.startedWallMs ?? null,
          ended.endedWallMs,
        ],
    robot.jitterMs,
  ]);
}

/**
 * Reads a row; undefined when it is damaged. Monotonic dates are still 0: {@link anchorRobot} sets them once all rows are known.
 */
export function decodeRobot(
  codec: CodecPort,
  id: RobotId,
  bytes: Uint8Array,
): LocalRobot | undefined {
  let row: unknown;
  try {
    row = codec.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(row) || row[0] !== ROW_VERSION) return undefined;
  const [, leaf, labels, floating, health, standing, registered, beats, run, ended, jitterMs] =
    row as readonly unknown[];
  const schedule = scheduleFromJson(leaf);
  const checked = isMap(labels) ? checkLabels(labels) : undefined;
  if (schedule === undefined || checked === undefined || !HEALTHS.includes(health))
    return undefined;
  if (!isWall(registered) || !isIntegerIn(jitterMs, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  const robot = newRobot(id, schedule, { monoMs: 0, wallMs: registered });
  robot.labels = checked;
  robot.floating = floating === true;
  robot.health = health as Health;
  robot.jitterMs = jitterMs;
  const complete =
    readStanding(robot, standing) &&
    readBeats(robot, beats) &&
    readRun(robot, run) &&
    readEnd(robot, ended);
  return complete && isConsistent(robot) ? robot : undefined;
}

/** The newest wall time that a row proves to have passed. */
export function newestWallMs(robot: LocalRobot): number {
  return Math.max(
    robot.since.wallMs,
    robot.registered.wallMs,
    robot.last?.wallMs ?? 0,
    robot.run?.started.wallMs ?? 0,
    robot.ended?.endedWallMs ?? 0,
  );
}

/** Gives every date of a restored robot its place on this run's monotonic clock: as old now as its wall time says. */
export function anchorRobot(robot: LocalRobot, now: Now): void {
  const anchor = (date: Now): Now => ({
    monoMs: now.monoMs - Math.max(0, now.wallMs - date.wallMs),
    wallMs: date.wallMs,
  });
  robot.since = anchor(robot.since);
  robot.registered = anchor(robot.registered);
  if (robot.last !== undefined) robot.last = anchor(robot.last);
  if (robot.run !== undefined)
    robot.run = { runId: robot.run.runId, started: anchor(robot.run.started) };
}

function readStanding(robot: LocalRobot, value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [status, reason, sinceWallMs] = value as readonly unknown[];
  if (!STATUSES.includes(status) || !isWall(sinceWallMs)) return false;
  robot.status = status as LocalStatus;
  robot.reason = REASONS.includes(reason) ? (reason as RobotReason) : undefined;
  robot.since = { monoMs: 0, wallMs: sinceWallMs };
  return true;
}

function readBeats(robot: LocalRobot, value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [beatSeq, count, kind, lastWallMs] = value as readonly unknown[];
  if (!isCount(beatSeq) || !isCount(count) || !KINDS.includes(kind)) return false;
  if (lastWallMs !== null && !isWall(lastWallMs)) return false;
  robot.beatSeq = beatSeq;
  robot.count = count;
  robot.kind = kind as BeatKind;
  robot.last = lastWallMs === null ? undefined : { monoMs: 0, wallMs: lastWallMs };
  return true;
}

function readRun(robot: LocalRobot, value: unknown): boolean {
  if (value === null) return true;
  if (!Array.isArray(value)) return false;
  const [runId, startedWallMs] = value as readonly unknown[];
  if (!isRunId(runId) || !isWall(startedWallMs)) return false;
  robot.run = { runId: runId ?? undefined, started: { monoMs: 0, wallMs: startedWallMs } };
  return true;
}

function readEnd(robot: LocalRobot, value: unknown): boolean {
  if (value === null) return true;
  if (!Array.isArray(value)) return false;
  const [kind, exitCode, runId, startedWallMs, endedWallMs] = value as readonly unknown[];
  if (!KINDS.includes(kind) || !isRunId(runId) || !isWall(endedWallMs)) return false;
  if (exitCode !== null && !isIntegerIn(exitCode, 0, 255)) return false;
  if (startedWallMs !== null && !isWall(startedWallMs)) return false;
  robot.ended = {
    kind: kind as BeatKind,
    exitCode: exitCode ?? undefined,
    runId: runId ?? undefined,
    startedWallMs: startedWallMs ?? undefined,
    endedWallMs,
  };
  return true;
}

/** A row that says alive without a beat would make this node's pulses malformed for everybody. */
function isConsistent(robot: LocalRobot): boolean {
  const heard = robot.last !== undefined;
  const claimsLife = robot.status === "up" || robot.status === "late";
  return heard === robot.beatSeq > 0 && robot.count >= robot.beatSeq && (heard || !claimsLife);
}

function isCount(value: unknown): value is number {
  return isIntegerIn(value, 0, Number.MAX_SAFE_INTEGER);
}

function isWall(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isRunId(value: unknown): value is string | null {
  return value === null || isTextUpTo(value, 64);
}
