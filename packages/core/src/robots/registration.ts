/** How a robot becomes known to its node: by a command, or by its first beat (rule VE7). */
import type { BeatCommand, CommandResult, RegisterCommand } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import type { Env } from "../env.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { Health } from "../view/status.ts";
import { pointerToken, type FieldWriter, type RobotRecord } from "./field-writer.ts";
import { checkLabels, LABEL_RULE } from "./labels.ts";
import { newRobot, type LocalRobot } from "./local-robot.ts";
import { checkSchedule, defaultSchedule, scheduleFromJson, scheduleToJson } from "./schedule.ts";

export type Refusal = CommandResult & { readonly ok: false };

export interface Registration {
  readonly robot: LocalRobot;
  /** What the chain does not say yet. */
  readonly fields: ReadonlyMap<string, Json | undefined>;
}

export interface Adoption {
  readonly robot: LocalRobot;
  /** No chain knew it: its registration must be written. */
  readonly isNew: boolean;
}

const HEALTHS: readonly unknown[] = ["ok", "degraded", "failing"];

/** A robot that gives its first beat here: as the fleet's record has it, else with the default that the caller asked for. */
export function adoptRobot(
  env: Env,
  fields: FieldWriter,
  command: BeatCommand,
  now: Now,
): Adoption | Refusal {
  const known = fields.recordOf(command.robot);
  // Retired is gone: what it was is not taken up again.
  const record = known?.retired === true ? undefined : known;
  if (record === undefined && command.create === "never") {
    return {
      ok: false,
      code: "robot-unknown",
      detail: `no node knows ${command.robot}; register it, or ping with create=1`,
    };
  }
  const create = command.create === "never" ? "heartbeat" : command.create;
  const schedule = recordedSchedule(env, record, now) ?? defaultSchedule(create, env.config);
  const robot = newRobot(command.robot, schedule, wholeWall(now));
  if (record !== undefined) {
    robot.labels = checkLabels(record.labels) ?? robot.labels;
    robot.floating = record.floating === true;
    if (HEALTHS.includes(record.health)) robot.health = record.health as Health;
  }
  return { robot, isNew: record === undefined };
}

/** Checks a registration and applies it; `known` is the robot when this node hosts it already. */
export function changeRegistration(
  env: Env,
  command: RegisterCommand,
  known: LocalRobot | undefined,
  now: Now,
): Registration | Refusal {
  const checked = checkSchedule(command.schedule, env.ports.cron, now.wallMs);
  if (!checked.ok) return checked;
  const labels = checkLabels(command.labels);
  if (labels === undefined) return { ok: false, code: "label-invalid", detail: LABEL_RULE };
  const before = known === undefined ? new Map<string, Json>() : registrationFields(known);
  const robot = known ?? newRobot(command.robot, checked.schedule, wholeWall(now));
  if (!sameSchedule(robot.schedule, checked.schedule)) robot.jitterMs = 0;
  robot.schedule = checked.schedule;
  robot.labels = labels;
  robot.floating = command.floating === true;
  return { robot, fields: difference(before, registrationFields(robot)) };
}

/** The leaves that a registration writes into the record. */
export function registrationFields(robot: LocalRobot): ReadonlyMap<string, Json> {
  const fields = new Map<string, Json>([["/schedule", scheduleToJson(robot.schedule)]]);
  for (const [key, value] of Object.entries(robot.labels))
    fields.set(`/labels/${pointerToken(key)}`, value);
  if (robot.floating) fields.set("/floating", true);
  return fields;
}

function difference(
  before: ReadonlyMap<string, Json>,
  after: ReadonlyMap<string, Json>,
): ReadonlyMap<string, Json | undefined> {
  const changes = new Map<string, Json | undefined>();
  for (const [pointer, value] of after) {
    if (JSON.stringify(before.get(pointer)) !== JSON.stringify(value)) changes.set(pointer, value);
  }
  for (const pointer of before.keys()) if (!after.has(pointer)) changes.set(pointer, undefined);
  return changes;
}

function recordedSchedule(
  env: Env,
  record: RobotRecord | undefined,
  now: Now,
): Schedule | undefined {
  const schedule = scheduleFromJson(record?.schedule);
  return schedule !== undefined && checkSchedule(schedule, env.ports.cron, now.wallMs).ok
    ? schedule
    : undefined;
}

function sameSchedule(a: Schedule, b: Schedule): boolean {
  return JSON.stringify(scheduleToJson(a)) === JSON.stringify(scheduleToJson(b));
}

function wholeWall(now: Now): Now {
  return { monoMs: now.monoMs, wallMs: Math.floor(now.wallMs) };
}
