/** What holds for a node, setting by setting, and who said so: `config show`. */
import type { RegisterCommand, Schedule } from "@pulsemesh/core";
import { withoutInvites } from "../commands/address-flags.ts";
import { dataFolder, defaultName, type RunFlags, runFlags } from "../commands/run-options.ts";
import { type RunWords, loadRunConfig, withFile } from "../commands/run-setup.ts";
import { registerCommands } from "../commands/run-robots.ts";
import { formatDuration } from "../duration.ts";
import { robotEntries } from "./check-robots.ts";
import type { ConfigFile } from "./load-config.ts";
import { type FileSetting, attributeOf, fileSettings, isSwitch, longFlag } from "./setting.ts";
import type { Placed } from "./walk-config.ts";

export interface EffectiveSetting {
  readonly key: string;
  /** As it would be written; empty where nothing holds. */
  readonly value: string;
  readonly source: "flag" | "environment" | "file" | "default";
  /** The flag, the variable, or file and line; null for a default. */
  readonly place: string | null;
}

type SourceOf = (attribute: string) => "cli" | "env" | undefined;

const secret = "***";
const defaultWords = ["every", "grace", "missed", "startup"] as const;
const wordNames = {
  every: "everyMs",
  grace: "graceMs",
  missed: "missed",
  startup: "startupMs",
} as const;

/**
 * All settings, then what holds for all robots, then each robot.
 * @param words - flags and environment, as texts
 * @param given - which words about all robots came from flags
 * @throws PulsemeshError `config-invalid`
 */
export async function effectiveSettings(
  words: RunWords,
  sourceOf: SourceOf,
  given: ReadonlySet<string>,
): Promise<EffectiveSetting[]> {
  const file = await loadRunConfig(words);
  const flags = words.flags;
  const settings = fileSettings(runFlags).map((setting) => {
    const row = rowOf(setting, flags, file, sourceOf) ?? defaultRow(setting, words);
    return { ...row, value: withoutInvites(row.value) };
  });
  return [...settings, ...defaultRows(words, file, given), ...robotRows(words, file)];
}

function rowOf(
  setting: FileSetting,
  flags: RunFlags,
  file: ConfigFile | undefined,
  sourceOf: SourceOf,
): EffectiveSetting | undefined {
  const { key, env = "" } = setting;
  const attribute = attributeOf(setting);
  const source = sourceOf(attribute);
  if (source !== undefined) {
    const value = textOf((flags as Readonly<Record<string, unknown>>)[attribute]);
    return source === "cli"
      ? { key, value, source: "flag", place: longFlag(setting) }
      : { key, value, source: "environment", place: env };
  }
  const placed = file?.values.get(key);
  if (file === undefined || placed === undefined) return undefined;
  // Paths are relative to the file, so what they mean is shown.
  const text = setting.isPath === true ? String(placed.value) : placed.text;
  return {
    key,
    value: shown({ ...placed, text }),
    source: "file",
    place: placeIn(file, placed.at),
  };
}

function defaultRow(setting: FileSetting, { env }: RunWords): EffectiveSetting {
  const { key, default: value = isSwitch(setting) ? "false" : "" } = setting;
  const known: Readonly<Record<string, string>> = {
    "node.data": dataFolder(undefined, env),
    "node.name": defaultName(),
  };
  return { key, value: known[key] ?? value, source: "default", place: null };
}

function defaultRows(
  { robots }: RunWords,
  file: ConfigFile | undefined,
  given: ReadonlySet<string>,
): EffectiveSetting[] {
  const [all] = robots;
  return defaultWords.flatMap((word): EffectiveSetting[] => {
    const key = `defaults.${word}`;
    const said = all[wordNames[word]];
    const placed = file?.values.get(key);
    if (said !== undefined) {
      const value = word === "missed" ? String(said) : formatDuration(said);
      return given.has(wordNames[word])
        ? [{ key, value, source: "flag", place: `--${word}` }]
        : [{ key, value, source: "environment", place: `PULSEMESH_${word.toUpperCase()}` }];
    }
    if (file === undefined || placed === undefined) return [];
    return [{ key, value: shown(placed), source: "file", place: placeIn(file, placed.at) }];
  });
}

function robotRows(words: RunWords, file: ConfigFile | undefined): EffectiveSetting[] {
  const entries = file === undefined ? [] : robotEntries(file.values);
  const places = new Map(entries.map(({ robot, at }) => [robot, at]));
  const paths = new Map(entries.map(({ robot, path }) => [robot, path]));
  const byFlag = new Set(words.robots.map(({ robot }) => robot));
  return registerCommands(withFile(words.robots, file)).map((command) => {
    const at = places.get(command.robot);
    const isSecret = (word: string): boolean => {
      const own = file?.values.get(`${paths.get(command.robot)}.${word}`);
      return (own ?? file?.values.get(`defaults.${word}`))?.isSecret === true;
    };
    const place = [
      ...(file === undefined || at === undefined ? [] : [placeIn(file, at)]),
      ...(byFlag.has(command.robot) ? ["--robot"] : []),
    ].join(" and ");
    const source = byFlag.has(command.robot) ? "flag" : "file";
    return { key: `robot ${command.robot}`, value: robotText(command, isSecret), source, place };
  });
}

type IsSecret = (word: string) => boolean;

function robotText({ schedule, labels, floating }: RegisterCommand, isSecret: IsSecret): string {
  const words = Object.entries(labels).map(
    ([key, value]) => `${key}=${isSecret(`labels.${key}`) ? secret : value}`,
  );
  return [
    scheduleText(schedule, isSecret),
    ...(floating === true ? ["floating"] : []),
    ...(words.length === 0 ? [] : [`labels ${words.join(" ")}`]),
  ].join(", ");
}

function scheduleText(schedule: Schedule, isSecret: IsSecret): string {
  const span = (word: string, ms: number): string =>
    `${word} ${isSecret(word) ? secret : formatDuration(ms)}`;
  const grace = span("grace", schedule.graceMs);
  const startup = span("startup", schedule.startupMs);
  if (schedule.type === "every") {
    const missed = isSecret("missed") ? secret : schedule.missed;
    return `${span("every", schedule.everyMs)}, ${grace}, missed ${missed}, ${startup}`;
  }
  const line = isSecret("cron") ? secret : schedule.line;
  const timeZone = isSecret("tz") ? secret : schedule.timeZone;
  return `cron ${line} (${timeZone}), ${grace}, ${startup}`;
}

function shown({ text, isSecret }: Pick<Placed, "text" | "isSecret">): string {
  return isSecret ? secret : text;
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(" ") : String(value);
}

function placeIn({ path }: ConfigFile, { line }: { readonly line: number }): string {
  return `${path}:${line}`;
}
