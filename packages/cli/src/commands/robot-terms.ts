/** What flags say that a robot shall be: the whole of it for `robot add`, what changes for `robot edit`. Pure, so that each rule has a unit test. */
import {
  checkLabels,
  LABEL_RULE,
  PulsemeshError,
  SCHEDULE_MS_MAX,
  SCHEDULE_MS_MIN,
} from "@pulsemesh/core";
import type { RegistrationJson, RobotJson, ScheduleTermsJson } from "@pulsemesh/client";
import { durationBetween, wholeBetween, type Flag } from "../flags.ts";

export interface TermFlags {
  /** Milliseconds, as all times here. */
  readonly every?: number;
  readonly cron?: string;
  readonly tz?: string;
  readonly grace?: number;
  readonly missed?: number;
  readonly startup?: number;
  readonly floating?: boolean;
  readonly label?: readonly (readonly [string, string])[];
}

const spans = durationBetween(SCHEDULE_MS_MIN, SCHEDULE_MS_MAX);
const missedCountMost = 100;

export const termFlags: readonly Flag[] = [
  { flags: "--every <duration>", text: "how often it must beat", parse: spans },
  { flags: "--cron <line>", text: "when it must beat, as a cron line of five fields, instead" },
  { flags: "--tz <zone>", text: "time zone of the cron line (default UTC)" },
  {
    flags: "--grace <duration>",
    text: "how long past that it is only late",
    parse: durationBetween(0, SCHEDULE_MS_MAX),
  },
  {
    flags: "--missed <n>",
    text: "beats that may be missed",
    parse: wholeBetween(1, missedCountMost),
  },
  { flags: "--startup <duration>", text: "how long its first beat may take", parse: spans },
  { flags: "--floating", text: "it is meant to beat at several nodes" },
  { flags: "--no-floating", text: "it has one home" },
  {
    flags: "--label <key=value>",
    text: "a label (repeatable); with edit, key= removes it",
    repeat: true,
    parse: parseLabel,
  },
];

/** What a new robot shall be; the node completes it. */
export function newTerms(flags: TermFlags): RegistrationJson {
  return {
    schedule: saidSchedule(flags),
    labels: Object.fromEntries(flags.label ?? []),
    floating: flags.floating ?? false,
  };
}

/** What a robot shall be when only what the flags name is changed. */
export function editedTerms(
  { schedule, labels, floating }: Pick<RobotJson, "schedule" | "labels" | "floating">,
  flags: TermFlags,
): RegistrationJson {
  const kept = new Map(Object.entries(labels));
  for (const [key, value] of flags.label ?? []) {
    if (value === "") kept.delete(key);
    else kept.set(key, value);
  }
  return {
    schedule: { ...keptSchedule(schedule, flags), ...saidSchedule(flags) },
    labels: Object.fromEntries(kept),
    floating: flags.floating ?? floating,
  };
}

/** A period takes the place of a cron line with its zone, and the other way round. */
function keptSchedule(schedule: RobotJson["schedule"], flags: TermFlags): ScheduleTermsJson {
  if (schedule === null) return {};
  const { grace_ms, startup_ms } = schedule;
  const both = { grace_ms, startup_ms };
  if (schedule.type === "every") {
    const { every_ms, missed } = schedule;
    return flags.cron === undefined ? { ...both, every_ms, missed } : both;
  }
  const { cron, time_zone } = schedule;
  if (flags.every === undefined) return { ...both, cron, time_zone };
  // Of a period, a grace that is said allows no missed beat; nobody has said this one.
  return grace_ms === 0 ? { startup_ms } : both;
}

function saidSchedule({ every, cron, tz, grace, missed, startup }: TermFlags): ScheduleTermsJson {
  const said: ScheduleTermsJson = {
    every_ms: every,
    cron,
    time_zone: tz,
    grace_ms: grace,
    missed,
    startup_ms: startup,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function parseLabel(text: string, flag: string): readonly [string, string] {
  const at = text.indexOf("=");
  const label = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)] as const;
  if (at > 0 && checkLabels({ [label[0]]: label[1] }) !== undefined) return label;
  const why = at > 0 ? LABEL_RULE : "it must be KEY=VALUE";
  throw new PulsemeshError("label-invalid", `Cannot use ${flag} '${text}' as ${why}.`);
}
