/**
 * What a node runs with, put together from flags, environment and config file in that order of precedence, at the start and again at each
 * reload; and what differs between two of these.
 */
import { PulsemeshError, type RegisterCommand } from "@pulsemesh/core";
import type { GatewayTls } from "@pulsemesh/gateway";
import { robotDefaults, robotEntries } from "../config/check-robots.ts";
import { findingLines } from "../config/config-finding.ts";
import type { ConfigFile } from "../config/load-config.ts";
import { readTlsFiles } from "../config/tls-files.ts";
import { readTokenFile } from "../config/token-file.ts";
import { attributeOf, fileSettings } from "../config/setting.ts";
import { type RunFlags, type RunPlan, planRun, runFlags } from "./run-options.ts";
import { type RobotFlagList, registerCommands } from "./run-robots.ts";

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
function flagsOfFile({ values }: Pick<ConfigFile, "values">): RunFlags {
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
  const list = withFile(words.robots, file);
  return {
    flags,
    file,
    plan: planRun(flags, list, words.env),
    robots: registerCommands(list),
    ...readSecrets(flags),
  };
}

/**
 * Certificate, key and token, from the files that the flags name.
 * @throws PulsemeshError `tls-invalid` or `token-file-invalid`
 */
export function readSecrets(flags: RunFlags): Pick<RunSetup, "tls" | "token"> {
  return { tls: readTls(flags), token: readToken(flags) };
}

/** @throws PulsemeshError `token-file-invalid` */
export function readToken({ tokenFile }: RunFlags): string | undefined {
  return tokenFile === undefined ? undefined : readTokenFile(tokenFile, "--token-file");
}

/** @throws PulsemeshError `tls-invalid` */
export function readTls({ tlsCert: certFile, tlsKey: keyFile }: RunFlags): GatewayTls | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile !== undefined && keyFile !== undefined) {
    return readTlsFiles({ certFile, keyFile }, Date.now());
  }
  const [given, missing] =
    certFile === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  throw new PulsemeshError("tls-invalid", `Cannot use ${given} without ${missing}.`);
}

/** Everything that is said of robots, the file first: where both speak, each word of flags and environment wins. */
export function withFile(robots: RobotFlagList, file: ConfigFile | undefined): RobotFlagList {
  return withFileRobots(withFileDefaults(robots, file), file);
}

/** What flags and environment say of all robots wins over the file's defaults, each by itself. */
function withFileDefaults(
  [all, ...robots]: RobotFlagList,
  file: ConfigFile | undefined,
): RobotFlagList {
  if (file === undefined) return [all, ...robots];
  const { labels, at: _at, ...words } = robotDefaults(file.values);
  return [{ ...said(words), ...all, labels: { ...labels, ...all.labels } }, ...robots];
}

/** Robots of the file, then those of flags; where both name one, each word of the flags wins. */
function withFileRobots(
  [all, ...robots]: RobotFlagList,
  file: ConfigFile | undefined,
): RobotFlagList {
  if (file === undefined) return [all, ...robots];
  const flags = Map.groupBy(robots, ({ robot }) => robot);
  const entries = robotEntries(file.values).map(
    ({ robot, labels, path: _path, at: _at, ...words }) => {
      const over = flags.get(robot) ?? [];
      const { everyMs, missed, cron, timeZone, ...rest } = said(words);
      // A period takes the place of a cron line, and the other way round.
      const isPeriod = over.some((each) => each.everyMs !== undefined);
      const isCron = over.some((each) => each.cron !== undefined);
      return {
        robot,
        labels,
        ...rest,
        ...(isCron ? {} : said({ everyMs, missed })),
        ...(isPeriod ? {} : said({ cron, timeZone })),
      };
    },
  );
  return [all, ...entries, ...robots];
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
