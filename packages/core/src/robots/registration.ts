/** How a robot becomes known to its node: by a command, or by its first beat (rule VE7). */
import type { BeatCommand, CommandErrorCode, CommandResult, RegisterCommand } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import type { Env } from "../env.ts";
import { isRobotId, ROBOT_ID_RULE, type RobotId } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { Health } from "../view/status.ts";
import { pointerToken, type FieldWriter, type RobotRecord } from "./field-writer.ts";
import { checkLabels, LABEL_RULE, validLabels } from "./labels.ts";
import { newRobot, type LocalRobot } from "./local-robot.ts";
import { checkSchedule, defaultSchedule, scheduleFromJson, scheduleToJson } from "./schedule.ts";

export type Refusal = CommandResult & { readonly ok: false };

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
    robot.labels = validLabels(record.labels);
    robot.floating = record.floating === true;
    if (HEALTHS.includes(record.health)) robot.health = record.health as Health;
  }
  return { robot, isNew: record === undefined };
}

/** What a registration asks for, complete and checked. */
export interface RegistrationTerms {
  readonly schedule: Schedule;
  readonly labels: Readonly<Record<string, string>>;
  readonly floating: boolean;
}

/** Checks what a registration asks for. */
export function termsOf(env: Env, command: RegisterCommand, now: Now): RegistrationTerms | Refusal {
  if (!isRobotId(command.robot))
    return { ok: false, code: "robot-id-invalid", detail: ROBOT_ID_RULE };
  const checked = checkSchedule(command.schedule, env.ports.cron, now.wallMs);
  if (!checked.ok) return checked;
  const labels = checkLabels(command.labels);
  if (labels === undefined) return { ok: false, code: "label-invalid", detail: LABEL_RULE };
  return { schedule: checked.schedule, labels, floating: command.floating === true };
}

/** What the record does not say yet, or says otherwise. */
export function changesFor(
  record: RobotRecord | undefined,
  terms: RegistrationTerms,
): ReadonlyMap<string, Json | undefined> {
  return difference(
    record === undefined ? new Map<string, Json>() : recordedFields(record),
    registrationFields(terms),
  );
}

/** What is written where this node begins to host a robot: its claim, and what makes the record say the terms and nothing else. */
export function hostedFields(
  record: RobotRecord | undefined,
  terms: RegistrationTerms,
): ReadonlyMap<string, Json | undefined> {
  return new Map([...registrationFields(terms), ...changesFor(record, terms)]);
}

/** Why the chain does not take what somebody asks for. */
export function unwritten(code: CommandErrorCode, robot: RobotId): Refusal {
  const why =
    code === "robots-max"
      ? "this node has written about as many robots as one node may, or has as many retired markers to keep; ask another node"
      : "the record would be too large, or this node cannot write now";
  return { ok: false, code, detail: `${robot} cannot be written here: ${why}` };
}

/** The fields that other terms change. */
export function fieldChanges(
  before: RegistrationTerms,
  after: RegistrationTerms,
): ReadonlyMap<string, Json | undefined> {
  return difference(registrationFields(before), registrationFields(after));
}

/** Changes for the audit log, which has no word for a field that is gone but null. */
export function auditedFields(changes: ReadonlyMap<string, Json | undefined>): Json {
  return Object.fromEntries([...changes].map(([pointer, value]) => [pointer, value ?? null]));
}

/** Applies terms to a hosted robot; the fields that they change, empty when there are none. */
export function applyTerms(
  robot: LocalRobot,
  terms: RegistrationTerms,
): ReadonlyMap<string, Json | undefined> {
  const changes = fieldChanges(robot, terms);
  if (changes.has("/schedule")) robot.jitterMs = 0;
  robot.schedule = terms.schedule;
  robot.labels = terms.labels;
  robot.floating = terms.floating;
  return changes;
}

/** The leaves that a registration writes into the record. */
export function registrationFields({
  schedule,
  labels,
  floating,
}: RegistrationTerms): ReadonlyMap<string, Json> {
  const fields = new Map<string, Json>([["/schedule", scheduleToJson(schedule)]]);
  for (const [key, value] of Object.entries(labels))
    fields.set(`/labels/${pointerToken(key)}`, value);
  if (floating) fields.set("/floating", true);
  return fields;
}

function recordedFields({ schedule, labels, floating }: RobotRecord): ReadonlyMap<string, Json> {
  const fields = new Map<string, Json>();
  if (schedule !== undefined) fields.set("/schedule", schedule);
  for (const [key, value] of Object.entries(labels))
    fields.set(`/labels/${pointerToken(key)}`, value);
  if (floating === true) fields.set("/floating", true);
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

export function wholeWall(now: Now): Now {
  return { monoMs: now.monoMs, wallMs: Math.floor(now.wallMs) };
}
