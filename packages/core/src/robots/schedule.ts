/**
 * Schedules: defaults, limits, and the form in which they stand in a robot's record (rule VE7).
 * Defaults are applied in {@link scheduleFrom} and nowhere else; everybody who parses options calls it.
 */
import { SCHEDULE_MS_MAX, SCHEDULE_MS_MIN } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import type { CoreConfig } from "../config.ts";
import type { Json } from "../json.ts";
import type { CronPort } from "../ports.ts";
import { isIntegerIn, isTextUpTo } from "../wire/fields.ts";

/** Longest cron line and time zone name, in characters. */
export const CRON_LINE_LENGTH_MAX: number = 256;
export const TIME_ZONE_LENGTH_MAX: number = 64;
/** Most periods that may be missed before `down`. */
export const SCHEDULE_MISSED_MAX: number = 100;

const STARTUP_MS = 60_000;
const EVERY_MS = 60_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** What a person or a program says of a schedule; durations in whole milliseconds. */
export interface ScheduleOptions {
  /** Period, {@link SCHEDULE_MS_MIN} … {@link SCHEDULE_MS_MAX}. @default 60000 unless `cron` is given */
  readonly everyMs?: number | undefined;
  /** Cron line; excludes `everyMs` and `missed`. */
  readonly cron?: string | undefined;
  /** IANA name, with `cron` only. @default "UTC" */
  readonly timeZone?: string | undefined;
  /** 0 … {@link SCHEDULE_MS_MAX}. @default 0 */
  readonly graceMs?: number | undefined;
  /** Periods until `down`, 1 … {@link SCHEDULE_MISSED_MAX}. @default 1 where `graceMs` is given, else 3 */
  readonly missed?: number | undefined;
  /** How long the first beat may take, {@link SCHEDULE_MS_MIN} … {@link SCHEDULE_MS_MAX}. @default 60000 */
  readonly startupMs?: number | undefined;
}

export type ScheduleResult =
  | { readonly ok: true; readonly schedule: Schedule }
  | { readonly ok: false; readonly code: "schedule-invalid"; readonly detail: string };

/**
 * Completes and checks a schedule.
 *
 * @example scheduleFrom({ everyMs: 10_000, graceMs: 20_000 }, cron, nowWallMs) // missed 1, startup 60 s
 */
export function scheduleFrom(
  options: ScheduleOptions,
  cron: CronPort,
  nowWallMs: number,
): ScheduleResult {
  const graceMs = options.graceMs ?? 0;
  const startupMs = options.startupMs ?? STARTUP_MS;
  if (options.cron === undefined) {
    if (options.timeZone !== undefined) return refuse("'timeZone' needs 'cron'");
    const missed = options.missed ?? (options.graceMs === undefined ? 3 : 1);
    return checkSchedule(
      { type: "every", everyMs: options.everyMs ?? EVERY_MS, graceMs, missed, startupMs },
      cron,
      nowWallMs,
    );
  }
  if (options.everyMs !== undefined) return refuse("'every' and 'cron' exclude each other");
  if (options.missed !== undefined)
    return refuse("'missed' needs 'every'; with 'cron' use 'grace'");
  const timeZone = options.timeZone ?? "UTC";
  return checkSchedule(
    { type: "cron", line: options.cron, timeZone, graceMs, startupMs },
    cron,
    nowWallMs,
  );
}

/** Checks a complete schedule, whoever made it. */
export function checkSchedule(
  schedule: Schedule,
  cron: CronPort,
  nowWallMs: number,
): ScheduleResult {
  const detail = faultOf(schedule, cron, nowWallMs);
  return detail === undefined ? { ok: true, schedule } : refuse(detail);
}

/** Schedule of a robot that nobody registered: by `/heartbeat` the node's own default, by `/ping?create=1` a day and an hour. */
export function defaultSchedule(create: "heartbeat" | "ping", config: CoreConfig): Schedule {
  const startupMs = config.robotStartupMs;
  if (create === "ping")
    return { type: "every", everyMs: DAY_MS, graceMs: HOUR_MS, missed: 1, startupMs };
  return {
    type: "every",
    everyMs: config.robotEveryMs,
    graceMs: config.robotGraceMs,
    missed: config.robotMissed,
    startupMs,
  };
}

/** The leaf `/schedule` of a record: an array, so that fields of two schedules never mix (rule CH4). */
export function scheduleToJson(schedule: Schedule): Json {
  if (schedule.type === "every") {
    return ["every", schedule.everyMs, schedule.graceMs, schedule.missed, schedule.startupMs];
  }
  return ["cron", schedule.line, schedule.timeZone, schedule.graceMs, schedule.startupMs];
}

/** Reads a leaf `/schedule` that anybody may have written; undefined on any doubt. A cron line's own grammar is not looked at. */
export function scheduleFromJson(leaf: unknown): Schedule | undefined {
  if (!Array.isArray(leaf)) return undefined;
  const [type, first, second, third, fourth] = leaf as readonly unknown[];
  if (type === "every" && areNumbers(first, second, third, fourth)) {
    const [everyMs, graceMs, missed, startupMs] = [first, second, third, fourth] as [
      number,
      number,
      number,
      number,
    ];
    const schedule: Schedule = { type, everyMs, graceMs, missed, startupMs };
    return rangeFaultOf(schedule) === undefined ? schedule : undefined;
  }
  if (
    type === "cron" &&
    typeof first === "string" &&
    typeof second === "string" &&
    areNumbers(third, fourth)
  ) {
    const [graceMs, startupMs] = [third, fourth] as [number, number];
    const schedule: Schedule = { type, line: first, timeZone: second, graceMs, startupMs };
    return rangeFaultOf(schedule) === undefined ? schedule : undefined;
  }
  return undefined;
}

function areNumbers(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "number");
}

function refuse(detail: string): ScheduleResult {
  return { ok: false, code: "schedule-invalid", detail };
}

function faultOf(schedule: Schedule, cron: CronPort, nowWallMs: number): string | undefined {
  const fault = rangeFaultOf(schedule);
  if (fault !== undefined || schedule.type === "every") return fault;
  const due = cron.nextDueWallMs(schedule.line, schedule.timeZone, nowWallMs);
  return due === undefined
    ? "the cron line or its time zone is invalid, or it is never due"
    : undefined;
}

function rangeFaultOf(schedule: Schedule): string | undefined {
  const { graceMs, startupMs } = schedule;
  const range = `${SCHEDULE_MS_MIN} ms to 31 days`;
  if (!isIntegerIn(graceMs, 0, SCHEDULE_MS_MAX))
    return "'grace' must be whole milliseconds from 0 to 31 days";
  if (!isIntegerIn(startupMs, SCHEDULE_MS_MIN, SCHEDULE_MS_MAX))
    return `'startup' must be whole milliseconds, ${range}`;
  if (schedule.type === "every") {
    if (!isIntegerIn(schedule.everyMs, SCHEDULE_MS_MIN, SCHEDULE_MS_MAX)) {
      return `'every' must be whole milliseconds, ${range}`;
    }
    if (!isIntegerIn(schedule.missed, 1, SCHEDULE_MISSED_MAX))
      return `'missed' must be 1 to ${SCHEDULE_MISSED_MAX}`;
    return undefined;
  }
  if (!isTextUpTo(schedule.line, CRON_LINE_LENGTH_MAX))
    return `'cron' has at most ${CRON_LINE_LENGTH_MAX} characters`;
  if (!isTextUpTo(schedule.timeZone, TIME_ZONE_LENGTH_MAX)) {
    return `'timeZone' has at most ${TIME_ZONE_LENGTH_MAX} characters`;
  }
  return undefined;
}
