/**
 * The robots that `run` registers, from flags whose order matters: `--every`, `--grace`, `--missed`, `--startup` and `--label`
 * behind a `--robot` are that robot's; in front of the first one they are everybody's, and also the schedule of robots that
 * register themselves by their first heartbeat. `--cron`, `--tz` and `--floating` are of the robot before them alone.
 */
import {
  LABELS_MAX,
  LABEL_RULE,
  type RegisterCommand,
  PulsemeshError,
  ROBOT_ID_RULE,
  type RobotId,
  SCHEDULE_MS_MAX,
  SCHEDULE_MS_MIN,
  checkLabels,
  isRobotId,
  scheduleFrom,
  type Schedule,
} from "@pulsemesh/core";
import { durationBetween, wholeBetween, type Flag } from "../flags.ts";

/** What was said about one robot, or about all. */
interface RobotFlags {
  readonly robot: RobotId | undefined;
  everyMs?: number;
  graceMs?: number;
  missed?: number;
  startupMs?: number;
  cron?: string;
  timeZone?: string;
  floating?: boolean;
  readonly labels: Record<string, string>;
}

/** Everything that was said, in order; the first entry is what holds for all. */
export type RobotFlagList = [RobotFlags, ...RobotFlags[]];

/** Core's configuration for robots that nobody registered. */
export interface UnknownRobotConfig {
  readonly robotEveryMs?: number;
  readonly robotGraceMs?: number;
  readonly robotMissed?: number;
  readonly robotStartupMs?: number;
}

const missedCountMost = 100;
/** Whether a cron line is ever due is for the node to say, which has the calendar. */
const ANY_CRON = { nextDueWallMs: () => 0 };

const spans = durationBetween(SCHEDULE_MS_MIN, SCHEDULE_MS_MAX);
const spansFromZero = durationBetween(0, SCHEDULE_MS_MAX);

/** The flags, which write what they read into `list`. */
export function robotFlags(list: RobotFlagList): Flag[] {
  const current = (): RobotFlags => list.at(-1) ?? list[0];
  const robotOf = (flag: string): RobotFlags => {
    const flags = current();
    if (flags.robot !== undefined) return flags;
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${flag} in front of the first --robot as it is of one robot.`,
    );
  };
  return [
    {
      flags: "--robot <id>",
      text: "register a robot that this node hosts (repeatable)",
      parse: (text) => void list.push({ robot: parseRobotId(text), labels: {} }),
    },
    {
      flags: "--every <duration>",
      text: "how often it must beat: of the --robot before, or of all when in front (default 60s; beat at least twice as often) [PULSEMESH_EVERY]",
      parse: (text, flag) => (current().everyMs = spans(text, flag)),
    },
    {
      flags: "--grace <duration>",
      text: "how long past that it is only late (default 0) [PULSEMESH_GRACE]",
      parse: (text, flag) => (current().graceMs = spansFromZero(text, flag)),
    },
    {
      flags: "--missed <n>",
      text: "beats that may be missed (default 3 with --every alone, else 1) [PULSEMESH_MISSED]",
      parse: (text, flag) => (current().missed = wholeBetween(1, missedCountMost)(text, flag)),
    },
    {
      flags: "--startup <duration>",
      text: "how long it may take to its first beat (default 60s) [PULSEMESH_STARTUP]",
      parse: (text, flag) => (current().startupMs = spans(text, flag)),
    },
    {
      flags: "--cron <line>",
      text: "when the --robot before must beat, as a cron line of five fields, instead of --every",
      parse: (text, flag) => (robotOf(flag).cron = text),
    },
    {
      flags: "--tz <zone>",
      text: "time zone of the --cron before (default UTC)",
      parse: (text, flag) => (robotOf(flag).timeZone = text),
    },
    {
      flags: "--floating",
      text: "the --robot before is meant to beat at several nodes, which is no alarm then",
      parse: (_text, flag) => (robotOf(flag).floating = true),
    },
    {
      flags: "--label <key=value>",
      text: "a label of the --robot before, or of all when in front (repeatable)",
      parse: (text) => addLabel(current().labels, text),
    },
  ];
}

/** Takes over from the environment what no flag said for all. */
export function robotsFromEnvironment(
  list: RobotFlagList,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const all = list[0];
  const read = (name: string, take: (text: string, flag: string) => void): void => {
    const text = env[name] ?? "";
    if (text !== "") take(text, name);
  };
  read("PULSEMESH_EVERY", (text, flag) => (all.everyMs ??= spans(text, flag)));
  read("PULSEMESH_GRACE", (text, flag) => (all.graceMs ??= spansFromZero(text, flag)));
  read("PULSEMESH_MISSED", (text, flag) => {
    all.missed ??= wholeBetween(1, missedCountMost)(text, flag);
  });
  read("PULSEMESH_STARTUP", (text, flag) => (all.startupMs ??= spans(text, flag)));
}

/** One register command per `--robot`; a robot named twice is one robot, the later flags win. */
export function registerCommands([all, ...robots]: RobotFlagList): RegisterCommand[] {
  const merged = new Map<RobotId, RobotFlags>();
  for (const { robot, ...said } of robots) {
    if (robot === undefined) continue;
    const before = merged.get(robot);
    merged.set(robot, { ...before, ...said, robot, labels: { ...before?.labels, ...said.labels } });
  }
  return [...merged.entries()].map(([robot, said]) => ({
    type: "register",
    robot,
    schedule: scheduleOf(withDefaults(all, said)),
    labels: limitLabels({ ...all.labels, ...said.labels }),
    origin: "config",
    ...(said.floating === true ? { floating: true } : {}),
  }));
}

/** The schedule that robots get which register themselves; empty when no flag says anything (core's defaults hold then). */
export function unknownRobotConfig([all]: RobotFlagList): UnknownRobotConfig {
  const { everyMs, graceMs, missed, startupMs } = all;
  const startup = startupMs === undefined ? {} : { robotStartupMs: startupMs };
  if (everyMs === undefined && graceMs === undefined && missed === undefined) return startup;
  const schedule = scheduleOf(all);
  if (schedule.type !== "every") return startup;
  return {
    ...startup,
    robotEveryMs: schedule.everyMs,
    robotGraceMs: schedule.graceMs,
    robotMissed: schedule.missed,
  };
}

/** What holds for all and fits: a cron line needs no period. */
function withDefaults(all: RobotFlags, said: ScheduleWords): ScheduleWords {
  if (said.cron === undefined) return { ...all, ...said };
  const { everyMs: _every, missed: _missed, ...rest } = all;
  return { ...rest, ...said };
}

type ScheduleWords = Omit<RobotFlags, "robot" | "labels">;

/** Completed by core, the one place that knows the defaults (rule VE7). */
function scheduleOf({
  everyMs,
  graceMs,
  missed,
  startupMs,
  cron,
  timeZone,
}: ScheduleWords): Schedule {
  const words = { everyMs, graceMs, missed, startupMs, cron, timeZone };
  const result = scheduleFrom(words, ANY_CRON, 0);
  if (result.ok) return result.schedule;
  throw new PulsemeshError("schedule-invalid", `Cannot use the schedule as ${result.detail}.`);
}

/** Reads a robot id. */
export function parseRobotId(text: string): RobotId {
  const given: unknown = text;
  if (isRobotId(given)) return given;
  throw new PulsemeshError("robot-id-invalid", `Cannot use '${text}' as ${ROBOT_ID_RULE}.`);
}

function addLabel(labels: Record<string, string>, text: string): void {
  const at = text.indexOf("=");
  if (at <= 0) {
    throw new PulsemeshError(
      "label-invalid",
      `Cannot use --label '${text}' as it must be KEY=VALUE.`,
    );
  }
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  if (checkLabels({ [key]: value }) === undefined) {
    throw new PulsemeshError("label-invalid", `Cannot use --label '${text}' as ${LABEL_RULE}.`);
  }
  labels[key] = value;
}

function limitLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const count = Object.keys(labels).length;
  if (count <= LABELS_MAX) return labels;
  throw new PulsemeshError(
    "label-invalid",
    `Cannot register a robot with ${count} labels as ${LABELS_MAX} are the most.`,
  );
}
