/**
 * What a node runs with, put together from flags, environment and config file in that order of precedence, at the start and again at each
 * reload; and what differs between two of these.
 */
import {
  type CronPort,
  PulsemeshError,
  type RegisterCommand,
  type RobotId,
  scheduleFrom,
} from "@pulsemesh/core";
import type { GatewayTls } from "@pulsemesh/gateway";
import {
  type RobotEntry,
  type RobotWords,
  loadCron,
  mergeWords,
  robotDefaults,
  robotEntries,
} from "../config/check-robots.ts";
import { findingLines } from "../config/config-finding.ts";
import type { ConfigFile } from "../config/load-config.ts";
import { readTlsFiles, readTokenFile } from "../config/secret-files.ts";
import { attributeOf, fileSettings } from "../config/setting.ts";
import { type RunFlags, type RunPlan, planRun, runFlags } from "./run-options.ts";
import { type RobotFlagList, limitLabels, registerCommands } from "./run-robots.ts";

/** What flags and environment say; they do not change while a node runs. */
export interface RunWords {
  readonly flags: RunFlags;
  readonly robots: RobotFlagList;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Everything that `run` needs. */
export interface RunSetup {
  readonly flags: RunFlags;
  readonly plan: RunPlan;
  readonly robots: readonly RegisterCommand[];
  readonly file: ConfigFile | undefined;
  readonly tls: GatewayTls | undefined;
  readonly token: string | undefined;
}

/** Flags with the same names as in {@link RunFlags}, from a file. */
export function flagsOfFile({ values }: Pick<ConfigFile, "values">): RunFlags {
  return Object.fromEntries(
    fileSettings(runFlags)
      .filter(({ key }) => values.has(key))
      .map((setting) => [attributeOf(setting), values.get(setting.key)?.value]),
  );
}

/**
 * The config file that the flags name; undefined when they name none.
 * @throws PulsemeshError `config-invalid`, with a finding a line
 */
export async function loadRunConfig({ flags, env }: RunWords): Promise<ConfigFile | undefined> {
  if (flags.config === undefined) return undefined;
  // Brings the YAML parser along, which most nodes do without.
  const { loadConfig } = await import("../config/load-config.ts");
  const loaded = await loadConfig(flags.config, { settings: runFlags, env });
  if (loaded.ok) return loaded.config;
  const lines = findingLines(loaded.path, loaded.findings);
  throw new PulsemeshError("config-invalid", lines.join("\n"));
}

/**
 * Puts everything together, and reads the files that it names.
 * @throws PulsemeshError `config-invalid`, `tls-invalid`, `token-file-invalid`, `option-invalid`, `schedule-invalid` or `label-invalid`
 */
export async function setUpRun(words: RunWords): Promise<RunSetup> {
  const file = await loadRunConfig(words);
  const flags = { ...(file === undefined ? {} : flagsOfFile(file)), ...words.flags };
  const list = withFileDefaults(words.robots, file);
  const { tlsCert: certFile, tlsKey: keyFile, tokenFile } = flags;
  return {
    flags,
    file,
    plan: planRun(flags, list, words.env),
    robots: await robotsOf(list, file),
    tls: readTls(certFile, keyFile),
    token: tokenFile === undefined ? undefined : readTokenFile(tokenFile, "--token-file"),
  };
}

function readTls(
  certFile: string | undefined,
  keyFile: string | undefined,
): GatewayTls | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile !== undefined && keyFile !== undefined) {
    return readTlsFiles({ certFile, keyFile }, Date.now());
  }
  const [given, missing] =
    certFile === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  throw new PulsemeshError("tls-invalid", `Cannot use ${given} without ${missing}.`);
}

/** What flags and environment say of all robots wins over the file's defaults, each by itself. */
function withFileDefaults(
  [all, ...robots]: RobotFlagList,
  file: ConfigFile | undefined,
): RobotFlagList {
  if (file === undefined) return [all, ...robots];
  const { labels, ...words } = robotDefaults(file.values);
  return [{ ...said(words), ...all, labels: { ...labels, ...all.labels } }, ...robots];
}

/** Robots of the file, then those of flags; where both name one, each word of the flags wins. */
async function robotsOf(
  list: RobotFlagList,
  file: ConfigFile | undefined,
): Promise<RegisterCommand[]> {
  if (file === undefined) return registerCommands(list);
  const [all, ...robots] = list;
  const entries = robotEntries(file.values);
  const named = new Map<RobotId, RobotEntry>(entries.map((entry) => [entry.robot, entry]));
  const merged: RobotFlagList = [all];
  for (const flags of robots) {
    const entry = flags.robot === undefined ? undefined : named.get(flags.robot);
    if (entry === undefined) merged.push(flags);
    else named.set(entry.robot, overlaid(entry, flags));
  }
  const cron = entries.some((entry) => entry.cron !== undefined) ? await loadCron() : undefined;
  const defaults: RobotWords = { ...all, at: { line: 1, column: 1 } };
  const fromFile = [...named.values()].map((entry) => registerOf(defaults, entry, cron));
  return [...fromFile, ...registerCommands(merged)];
}

function overlaid(
  entry: RobotEntry,
  { robot: _robot, labels, ...flags }: RobotFlagList[0],
): RobotEntry {
  const words = said(flags);
  // A period takes the place of a cron line, and the other way round.
  const base =
    words.everyMs === undefined ? entry : { ...entry, cron: undefined, timeZone: undefined };
  return { ...base, ...words, labels: { ...entry.labels, ...labels } };
}

function registerOf(
  defaults: RobotWords,
  entry: RobotEntry,
  cron: CronPort = { nextDueWallMs: () => undefined },
): RegisterCommand {
  const { floating, ...words } = mergeWords(defaults, entry);
  const result = scheduleFrom(words, cron, Date.now());
  if (!result.ok) {
    throw new PulsemeshError(
      "schedule-invalid",
      `Cannot use the schedule of robot '${entry.robot}' as ${result.detail}.`,
    );
  }
  return {
    type: "register",
    robot: entry.robot,
    schedule: result.schedule,
    labels: limitLabels({ ...defaults.labels, ...entry.labels }),
    origin: "config",
    ...(floating === undefined ? {} : { floating }),
  };
}

/** Without what was not said, so that it hides nothing. */
function said<T extends object>(words: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(words).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}

/** What changed between the setup that a node was started with and a later one, and that only a restart takes over. */
export function restartNeeds(started: RunSetup, now: RunSetup): string[] {
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
  const needs = fileSettings(runFlags)
    .filter(({ isLive }) => isLive !== true)
    .filter((setting) => {
      const attribute = attributeOf(setting) as keyof RunFlags;
      return differs(started.flags[attribute], now.flags[attribute]);
    })
    .map(({ key }) => key);
  if (differs(started.plan.node.core, now.plan.node.core)) needs.push("defaults");
  if ((started.tls === undefined) !== (now.tls === undefined)) needs.push("http.tls");
  if ((started.token === undefined) !== (now.token === undefined)) needs.push("http.token_file");
  return needs;
}
