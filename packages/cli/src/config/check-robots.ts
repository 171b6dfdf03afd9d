/** What a config file says of robots, put together and held against each other: ids that come twice, schedules that are none. */
import {
  type CronPort,
  LABELS_MAX,
  type RobotId,
  scheduleFrom,
  type ScheduleOptions,
} from "@pulsemesh/core";
import type { ConfigFinding, Place } from "./config-finding.ts";
import type { Placed, Walked } from "./walk-config.ts";

/** What one entry of `robots`, or `defaults`, says. */
export interface RobotWords extends ScheduleOptions {
  readonly at: Place;
  readonly floating?: boolean | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** One entry of `robots`. */
export interface RobotEntry extends RobotWords {
  /** `robots.3`. */
  readonly path: string;
  readonly robot: RobotId;
}

type Values = ReadonlyMap<string, Placed>;

const beginning: Place = { line: 1, column: 1 };
const cronText = 'write five fields, such as "0 3 * * *" for every day at three o\'clock';

/** What holds for robots that say nothing else. */
export function robotDefaults(values: Values): RobotWords {
  return wordsAt(values, labelsByPath(values), "defaults", beginning);
}

/** All entries of `robots` that have an id. */
export function robotEntries(values: Values): RobotEntry[] {
  const labels = labelsByPath(values);
  const entries: RobotEntry[] = [];
  for (const [path, { value, at }] of values) {
    const found = /^(robots\.\d+)\.id$/.exec(path)?.[1];
    if (found === undefined) continue;
    entries.push({
      ...wordsAt(values, labels, found, at),
      path: found,
      robot: value as RobotId,
    });
  }
  return entries;
}

/** Faults between values that are good by themselves. */
export async function checkRobots({ values }: Walked): Promise<ConfigFinding[]> {
  const defaults = robotDefaults(values);
  const entries = robotEntries(values);
  const cron = entries.some((entry) => entry.cron !== undefined) ? await loadCron() : noCron;
  const findings: ConfigFinding[] = [];
  const first = new Map<RobotId, Place>();
  for (const entry of entries) {
    const before = first.get(entry.robot);
    if (before === undefined) first.set(entry.robot, entry.at);
    else {
      const what = `The robot '${entry.robot}' is in line ${before.line} already.`;
      findings.push({ at: entry.at, what, next: "keep one of both, or give this one another id" });
    }
    findings.push(
      ...scheduleFaults(values, defaults, entry, cron),
      ...labelFaults(defaults, entry),
    );
  }
  return findings;
}

/** The schedule words of an entry with the defaults that fit: a cron line needs no period. */
function mergeWords(defaults: RobotWords, entry: RobotWords): Omit<RobotWords, "at" | "labels"> {
  const isCron = entry.cron !== undefined;
  return {
    everyMs: entry.everyMs ?? (isCron ? undefined : defaults.everyMs),
    cron: entry.cron,
    timeZone: entry.timeZone,
    graceMs: entry.graceMs ?? defaults.graceMs,
    missed: entry.missed ?? (isCron ? undefined : defaults.missed),
    startupMs: entry.startupMs ?? defaults.startupMs,
    floating: entry.floating,
  };
}

function scheduleFaults(
  values: Values,
  defaults: RobotWords,
  entry: RobotEntry,
  cron: CronPort,
): readonly ConfigFinding[] {
  const fault = (key: string, what: string, next: string): readonly ConfigFinding[] => {
    const at = values.get(`${entry.path}.${key}`)?.at ?? entry.at;
    return [{ at, what: `The schedule of robot '${entry.robot}' cannot be: ${what}.`, next }];
  };
  if (entry.cron !== undefined && entry.everyMs !== undefined) {
    return fault("every", "every and cron exclude each other", "keep one of both");
  }
  if (entry.cron !== undefined && entry.missed !== undefined) {
    return fault("missed", "missed needs every", "with cron, use grace");
  }
  if (entry.cron === undefined && entry.timeZone !== undefined) {
    return fault("tz", "tz needs cron", "remove tz, or write a cron line");
  }
  const { floating: _floating, ...words } = mergeWords(defaults, entry);
  const result = scheduleFrom(words, cron, Date.now());
  if (result.ok) return [];
  return entry.cron === undefined
    ? fault("every", result.detail, "write times like 30s or 5m")
    : fault("cron", result.detail, cronText);
}

function labelFaults(defaults: RobotWords, { at, robot, labels }: RobotEntry): ConfigFinding[] {
  const count = Object.keys({ ...defaults.labels, ...labels }).length;
  if (count <= LABELS_MAX) return [];
  const what = `The robot '${robot}' has ${count} labels, and ${LABELS_MAX} are the most.`;
  return [{ at, what, next: "remove some, here or under defaults" }];
}

type Labels = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** One pass over all values, however many robots there are. */
function labelsByPath(values: Values): Labels {
  const found = new Map<string, Record<string, string>>();
  for (const [path, { value }] of values) {
    const [, owner, key] = /^(defaults|robots\.\d+)\.labels\.(.+)$/.exec(path) ?? [];
    if (owner === undefined || key === undefined) continue;
    const labels = found.get(owner) ?? {};
    labels[key] = String(value);
    found.set(owner, labels);
  }
  return found;
}

function wordsAt(values: Values, labels: Labels, path: string, at: Place): RobotWords {
  const value = <T>(key: string): T | undefined =>
    values.get(`${path}.${key}`)?.value as T | undefined;
  return {
    at,
    everyMs: value<number>("every"),
    cron: value<string>("cron"),
    timeZone: value<string>("tz"),
    graceMs: value<number>("grace"),
    missed: value<number>("missed"),
    startupMs: value<number>("startup"),
    floating: value<boolean>("floating"),
    labels: labels.get(path) ?? {},
  };
}

const noCron: CronPort = { nextDueWallMs: () => undefined };

/** The cron library comes with the node, which takes longer to load than a file without cron lines to check. */
async function loadCron(): Promise<CronPort> {
  const { createCron } = await import("@pulsemesh/node");
  return createCron();
}
