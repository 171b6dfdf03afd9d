/**
 * What one beat changes in what is known of a robot (rule VE7). Status and deadlines are the caller's: a beat is only a fact.
 *
 * - Every kind but `log` is a contact. An older date than the newest contact's (a spooled beat) moves nothing but the count.
 * - `start` opens a run, `success`, `fail` and `exit` end the one with their run id; without one they end whichever is open.
 */
import { BEAT_MESSAGE_BYTES_MAX, RUN_ID_LENGTH_MAX } from "../command.ts";
import type { BeatCommand, BeatKind } from "../command.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { Health } from "../view/status.ts";
import { cutText } from "./cut-text.ts";
import type { LocalRobot } from "./local-robot.ts";

/** Diagnostics that go into the record and the audit log; the whole message stays on the home's disk. */
export const RUN_MESSAGE_BYTES_MAX: number = 256;

/** A beat, checked and dated. */
export interface DatedBeat {
  readonly kind: BeatKind;
  readonly exitCode: number | undefined;
  readonly runId: string | undefined;
  readonly message: string;
  readonly health: Health | undefined;
  /** When the robot gave it. */
  readonly at: Now;
  /** False for a spooled beat: it revives nothing (promise P3). */
  readonly live: boolean;
}

export interface BeatChange {
  /** It moved the newest contact. */
  readonly contact: boolean;
  readonly health: boolean;
  /** The leaf `/run` when a run began or ended, or a fail or exit code was reported. */
  readonly run: Json | undefined;
}

const NOTHING: BeatChange = { contact: false, health: false, run: undefined };

/** Dates and bounds a command. A spooled time ahead of now counts as now. */
export function dateBeat(command: BeatCommand, now: Now): DatedBeat {
  const spooledWallMs = command.spooledAtWallMs;
  const ageMs = spooledWallMs === undefined ? 0 : Math.max(0, now.wallMs - spooledWallMs);
  return {
    kind: command.kind,
    exitCode: command.kind === "exit" ? exitCodeOf(command.exitCode) : undefined,
    runId: command.runId?.slice(0, RUN_ID_LENGTH_MAX).toWellFormed(),
    message: cutText(command.message ?? "", BEAT_MESSAGE_BYTES_MAX),
    health: command.health,
    at: { monoMs: now.monoMs - ageMs, wallMs: Math.floor(now.wallMs - ageMs) },
    live: spooledWallMs === undefined,
  };
}

/** Takes one beat into the robot. */
export function applyBeat(robot: LocalRobot, beat: DatedBeat): BeatChange {
  robot.count += 1;
  if (beat.kind === "log") return NOTHING;
  robot.beatSeq += 1;
  if (robot.last !== undefined && beat.at.monoMs < robot.last.monoMs) {
    return {
      contact: false,
      health: false,
      run: isReport(beat) ? runLeaf(beat, undefined) : undefined,
    };
  }
  robot.last = beat.at;
  robot.kind = beat.kind;
  if (beat.live) robot.allowanceMs = 0;
  return { contact: true, health: setHealth(robot, beat), run: moveRun(robot, beat) };
}

/** Whether a beat says failing: a `fail`, or an exit code other than 0. */
function isFailure(beat: DatedBeat): boolean {
  return beat.kind === "fail" || (beat.kind === "exit" && beat.exitCode !== 0);
}

function exitCodeOf(code: number | undefined): number {
  return code !== undefined && Number.isInteger(code) && code >= 0 && code <= 255 ? code : 255;
}

function isReport(beat: DatedBeat): boolean {
  return beat.kind === "start" || beat.kind === "fail" || beat.kind === "exit";
}

function setHealth(robot: LocalRobot, beat: DatedBeat): boolean {
  const before = robot.health;
  const success = beat.kind === "success" || beat.kind === "exit";
  robot.health = isFailure(beat) ? "failing" : (beat.health ?? (success ? "ok" : before));
  return robot.health !== before;
}

function moveRun(robot: LocalRobot, beat: DatedBeat): Json | undefined {
  if (beat.kind === "beat" || beat.kind === "log") return undefined;
  if (beat.kind === "start") {
    robot.run = { runId: beat.runId, started: beat.at };
    return runLeaf(beat, beat.at.wallMs);
  }
  const { run } = robot;
  const ends =
    run !== undefined &&
    (beat.runId === undefined || run.runId === undefined || beat.runId === run.runId);
  // A success that ends nothing is a plain beat: it must not write a chain entry each time.
  if (!ends && !isReport(beat)) return undefined;
  if (ends) robot.run = undefined;
  const startedWallMs = ends ? run.started.wallMs : undefined;
  const { kind, exitCode, runId } = beat;
  robot.ended = {
    kind,
    exitCode,
    runId: runId ?? run?.runId,
    startedWallMs,
    endedWallMs: beat.at.wallMs,
  };
  return runLeaf(beat, startedWallMs);
}

/** `[kind, exitCode, runId, startedWallMs, endedWallMs, message]`, null for what is not known. */
function runLeaf(beat: DatedBeat, startedWallMs: number | undefined): Json {
  const endedWallMs = beat.kind === "start" ? null : beat.at.wallMs;
  const message = cutText(beat.message, RUN_MESSAGE_BYTES_MAX);
  return [
    beat.kind,
    beat.exitCode ?? null,
    beat.runId ?? null,
    startedWallMs ?? null,
    endedWallMs,
    message,
  ];
}
