/** What the owner of a node decides, checked and completed in one place. */
import { hostname } from "node:os";
import {
  type CoreConfig,
  coreConfig,
  lanConfig,
  localConfig,
  PulsemeshError,
  wanConfig,
} from "@pulsemesh/core";
import type { NodeLogger, NodeOptions } from "./api.ts";

export interface ResolvedNodeOptions {
  readonly dataDir: string;
  readonly name: string;
  readonly region: string;
  readonly agent: string;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly join: readonly string[];
  readonly fleet: string | undefined;
  readonly invite: string | undefined;
  readonly open: boolean;
  readonly passphrase: string | undefined;
  readonly networkKey: Uint8Array | undefined;
  readonly mdns: boolean;
  readonly restartWithinMs: number;
  readonly config: CoreConfig;
  readonly logger: NodeLogger;
}

/** Longest name and region, in characters. */
export const LABEL_LENGTH_MAX: number = 64;

/** How long silence may be no fault after a planned stop (rule VE9); longer would hide a death. */
export const RESTART_WITHIN_MS_MAX: number = 3_600_000;
const RESTART_WITHIN_MS_MIN = 1_000;
const RESTART_WITHIN_MS_DEFAULT = 60_000;

/** Of a node that says nothing. */
export const REGION_DEFAULT = "default";
const LISTEN_DEFAULT = "/ip4/127.0.0.1/tcp/7421";
const AGENT_DEFAULT = "pulsemesh/0.1.0";
const PROFILES = { local: localConfig, lan: lanConfig, wan: wanConfig } as const;
const SILENT: NodeLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** @throws PulsemeshError `option-invalid` that names the first bad option */
export function resolveNodeOptions(options: NodeOptions): ResolvedNodeOptions {
  if (options.dataDir === "") throw invalid("dataDir", "a path", options.dataDir);
  const name = options.name ?? hostname().slice(0, LABEL_LENGTH_MAX);
  const region = options.region ?? REGION_DEFAULT;
  for (const [option, text] of [
    ["name", name],
    ["region", region],
  ] as const) {
    if (text.length < 1 || text.length > LABEL_LENGTH_MAX) {
      throw invalid(option, `1 to ${LABEL_LENGTH_MAX} characters long`, text);
    }
  }
  return {
    dataDir: options.dataDir,
    name,
    region,
    agent: options.agent ?? AGENT_DEFAULT,
    listen: options.listen ?? [LISTEN_DEFAULT],
    announce: options.announce ?? [],
    join: options.join ?? [],
    fleet: fleetOf(options),
    invite: options.invite,
    open: options.open ?? false,
    passphrase: options.passphrase,
    networkKey: options.networkKey,
    mdns: options.mdns ?? false,
    restartWithinMs: restartWithinMs(options),
    config: resolveConfig(options),
    logger: options.logger ?? SILENT,
  };
}

function restartWithinMs({ restartWithinMs: ms = RESTART_WITHIN_MS_DEFAULT }: NodeOptions): number {
  if (Number.isInteger(ms) && ms >= RESTART_WITHIN_MS_MIN && ms <= RESTART_WITHIN_MS_MAX) return ms;
  const rule = `${RESTART_WITHIN_MS_MIN} to ${RESTART_WITHIN_MS_MAX} ms`;
  throw invalid("restartWithinMs", rule, String(ms));
}

function resolveConfig(options: NodeOptions): CoreConfig {
  const profile: CoreConfig = PROFILES[options.profile ?? "lan"];
  const overrides = options.core ?? {};
  for (const [key, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(profile, key))
      throw invalid("core", `made of ${Object.keys(profile).join(", ")}`, key);
    const wanted = typeof profile[key as keyof CoreConfig];
    if (typeof value !== wanted) throw invalid(`core.${key}`, `a ${wanted}`, JSON.stringify(value));
  }
  try {
    const observer = options.observer === undefined ? {} : { observer: options.observer };
    return coreConfig({ ...profile, ...(overrides as Partial<CoreConfig>), ...observer });
  } catch (cause) {
    throw new PulsemeshError(
      "option-invalid",
      `${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
}

function fleetOf({ fleet }: NodeOptions): string | undefined {
  if (fleet === undefined || /^[a-z2-7]{52}$/.test(fleet)) return fleet;
  throw invalid("fleet", "a fleet id, 52 characters of lower-case base32", fleet);
}

function invalid(option: string, rule: string, value: string): PulsemeshError {
  return new PulsemeshError(
    "option-invalid",
    `Cannot create a node as '${option}' must be ${rule}: current value is '${value}'.`,
  );
}

function ignore(): void {
  // Nobody asked for logs.
}
