/** The flags of `run`, and what they mean for a node and its gateway. Pure, so that every rule has a unit test. */
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import type { NodeOptions } from "@pulsemesh/node";
import { MAY_BE_OFFLINE_MS_MAX, PulsemeshError } from "@pulsemesh/core";
import type { Setting } from "../config/setting.ts";
import { networkKeyFlag, readNetworkKeyFile } from "../config/network-key-file.ts";
import { readPassphraseFile } from "../config/passphrase-file.ts";
import { parseDuration } from "../duration.ts";
import { durationBetween, oneOf, wholeBetween } from "../flags.ts";
import { formatHostPort, type HostPort, parseHostPort } from "../host-port.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../run-logger.ts";
import { parseAnnounced, parseJoin, parseMultiaddr, splitJoins } from "./address-flags.ts";
import { type RobotFlagList, unknownRobotConfig } from "./run-robots.ts";

/** As commander hands them over. */
export interface RunFlags {
  readonly config?: string;
  readonly data?: string;
  readonly sharedData?: boolean;
  readonly http?: HostPort;
  readonly listen?: readonly string[];
  readonly announce?: readonly string[];
  readonly join?: readonly string[];
  readonly fleet?: string;
  readonly joinFile?: string;
  readonly addressFile?: string;
  readonly probes?: HostPort;
  readonly name?: string;
  readonly region?: string;
  readonly profile?: "local" | "lan" | "wan";
  readonly restartWithin?: number;
  readonly open?: boolean;
  readonly issuerPassphraseFile?: string;
  readonly networkKeyFile?: string;
  readonly mdns?: boolean;
  readonly observer?: boolean;
  readonly mayBeOffline?: number;
  readonly auditMax?: number;
  readonly insecureHttp?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
  readonly socket?: string;
  /** Permission bits. */
  readonly socketMode?: number;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  readonly json?: boolean;
}

const httpDefault = "127.0.0.1:7420";
const listenDefault = "/ip4/127.0.0.1/tcp/7421";
const profiles = ["local", "lan", "wan"] as const;
const nodeNameText = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** All settings of `run` but those of robots. One entry is a flag, a variable and a line of the config file. */
export const runFlags: readonly Setting[] = [
  {
    flags: "--config <file>",
    key: null,
    text: "read settings from this YAML file; flags and variables win (none is read unless named)",
    env: "PULSEMESH_CONFIG",
  },
  {
    flags: "--data <dir>",
    key: "node.data",
    isPath: true,
    example: "/var/lib/pulsemesh",
    text: "folder for keys, state and audit log (default $XDG_STATE_HOME/pulsemesh or ~/.local/state/pulsemesh)",
    env: "PULSEMESH_DATA",
  },
  {
    flags: "--shared-data",
    key: "node.shared_data",
    text: "start although others on this machine may enter the data folder, as on volumes of a group",
    env: "PULSEMESH_SHARED_DATA",
  },
  {
    flags: "--http <host:port>",
    key: "http.listen",
    default: httpDefault,
    text: `where robots beat and people look (default ${httpDefault})`,
    env: "PULSEMESH_HTTP",
    parse: parseHostPort,
  },
  {
    flags: "--listen <multiaddr>",
    key: "mesh.listen",
    default: listenDefault,
    example: "/ip4/0.0.0.0/tcp/7421",
    text: `where other nodes connect (repeatable, default ${listenDefault})`,
    env: "PULSEMESH_LISTEN",
    repeat: true,
    parse: parseMultiaddr,
  },
  {
    flags: "--announce <multiaddr>",
    key: "mesh.announce",
    example: "/dns4/alpha.example.org/tcp/7421",
    text: "address to tell others instead (repeatable)",
    env: "PULSEMESH_ANNOUNCE",
    repeat: true,
    parse: parseAnnounced,
  },
  {
    flags: "--join <multiaddr>",
    key: "mesh.join",
    example: "/ip4/192.0.2.7/tcp/7421/p2p/12D3KooWExampleExampleExampleExampleExampleExampleExampl",
    text: "an invite, or the address of a member: join its fleet (repeatable); without it, a fleet of its own",
    env: "PULSEMESH_JOIN",
    repeat: true,
    split: splitJoins,
    parse: parseJoin,
  },
  {
    flags: "--fleet <id>",
    key: "mesh.fleet",
    example: "kz5bpbrj2k7zrzqsyl3vdyxuyhl5ccbdvm3xqhqbhbcvz4mrqvfa",
    text: "the fleet to be in, by its id; another one is refused",
    env: "PULSEMESH_FLEET",
    parse: parseFleet,
  },
  {
    flags: "--join-file <file>",
    key: "mesh.join_file",
    isPath: true,
    example: "/run/pulsemesh/join",
    text: "a file with an invite, or members' addresses, one a line; a first start waits until it is there",
    env: "PULSEMESH_JOIN_FILE",
  },
  {
    flags: "--address-file <file>",
    key: "mesh.address_file",
    isPath: true,
    example: "/run/pulsemesh/join",
    text: "write the addresses of this node there once it is ready, for others to join by",
    env: "PULSEMESH_ADDRESS_FILE",
  },
  {
    flags: "--name <name>",
    key: "node.name",
    example: "alpha",
    text: "name of this node (default: host name)",
    env: "PULSEMESH_NAME",
    parse: parseName,
  },
  {
    flags: "--region <region>",
    key: "node.region",
    default: "default",
    example: "eu",
    text: "where it runs",
    env: "PULSEMESH_REGION",
    parse: parseName,
  },
  {
    flags: "--profile <profile>",
    key: "node.profile",
    default: "lan",
    text: "pace: local (pulses every 0.5s), lan (1s, default) or wan (2s)",
    env: "PULSEMESH_PROFILE",
    words: profiles,
    parse: oneOf(profiles),
  },
  {
    flags: "--restart-within <duration>",
    key: "node.restart_within",
    default: "60s",
    example: "5m",
    text: "how long the others show 'paused' after a planned stop (1s to 1h, default 60s)",
    env: "PULSEMESH_RESTART_WITHIN",
    parse: parseDuration,
  },
  {
    flags: "--open",
    key: "mesh.open",
    text: "where the issuer's key is: make everybody who asks a member, for a day at a time while this is so; for demonstrations, on loopback and private addresses only",
    env: "PULSEMESH_OPEN",
  },
  {
    flags: "--issuer-passphrase-file <file>",
    key: "node.issuer_passphrase_file",
    isPath: true,
    example: "/etc/pulsemesh/issuer-passphrase",
    text: "opens the issuer's key, where `pulsemesh key seal-issuer` has sealed it: without it such a node does not start",
    env: "PULSEMESH_ISSUER_PASSPHRASE_FILE",
  },
  {
    flags: networkKeyFlag.flags,
    key: "mesh.network_key_file",
    isPath: true,
    example: "/etc/pulsemesh/swarm.key",
    text: networkKeyFlag.text,
    env: networkKeyFlag.env,
  },
  {
    flags: "--mdns",
    key: "mesh.mdns",
    text: "find members of the fleet on the local network; joins no other",
    env: "PULSEMESH_MDNS",
  },
  {
    flags: "--observer",
    key: "node.observer",
    text: "watch only: no vote, no writes",
    env: "PULSEMESH_OBSERVER",
  },
  {
    flags: "--may-be-offline <span>",
    key: "node.may_be_offline",
    example: "30d",
    text: "how long this node may be silent without being down, at most 400d (default not at all)",
    env: "PULSEMESH_MAY_BE_OFFLINE",
    parse: durationBetween(1_000, MAY_BE_OFFLINE_MS_MAX),
  },
  {
    flags: "--audit-max <entries>",
    key: "node.audit_max",
    default: "1000000",
    isWhole: true,
    text: "entries of the audit log to keep, about 250 bytes each (default 1000000)",
    env: "PULSEMESH_AUDIT_MAX",
    parse: wholeBetween(1_000, 10_000_000),
  },
  {
    flags: "--insecure-http",
    key: "http.insecure",
    text: "allow --http beyond loopback without certificate and token: everybody may read and write",
    env: "PULSEMESH_INSECURE_HTTP",
  },
  {
    flags: "--tls-cert <file>",
    key: "http.tls.cert_file",
    isPath: true,
    isLive: true,
    example: "/etc/pulsemesh/tls.crt",
    text: "serve HTTPS with this certificate (PEM, with its chain)",
    env: "PULSEMESH_TLS_CERT",
  },
  {
    flags: "--tls-key <file>",
    key: "http.tls.key_file",
    isPath: true,
    isLive: true,
    example: "/etc/pulsemesh/tls.key",
    text: "the key of the certificate (PEM, without password, not readable by everybody)",
    env: "PULSEMESH_TLS_KEY",
  },
  {
    flags: "--token-file <file>",
    key: "http.token_file",
    isPath: true,
    isLive: true,
    example: "/etc/pulsemesh/token",
    text: "HTTP requests must bear the token in this file, but for probes",
    env: "PULSEMESH_TOKEN_FILE",
  },
  {
    flags: "--socket <path>",
    key: "http.socket",
    isPath: true,
    example: "/run/pulsemesh/node.sock",
    text: "serve HTTP on this Unix socket as well; ask it with --url unix:/PATH",
    env: "PULSEMESH_SOCKET",
  },
  {
    flags: "--socket-mode <mode>",
    key: "http.socket_mode",
    default: "0600",
    example: "0660",
    text: "file mode of the socket: who may write to it may do everything (default 0600)",
    env: "PULSEMESH_SOCKET_MODE",
    parse: parseMode,
  },
  {
    flags: "--probes <host:port>",
    key: "http.probes",
    example: "0.0.0.0:7422",
    text: "answer /livez, /readyz and /startupz there too, and nothing else, for supervisors outside of this machine",
    env: "PULSEMESH_PROBES",
    parse: parseHostPort,
  },
  {
    flags: "--log-level <level>",
    key: "log.level",
    default: "info",
    isLive: true,
    text: "debug, info, warn or error (default info)",
    env: "PULSEMESH_LOG_LEVEL",
    words: LOG_LEVELS,
    parse: oneOf(LOG_LEVELS),
  },
  {
    flags: "--log-format <format>",
    key: "log.format",
    text: "json or pretty, on stderr (default pretty on a terminal, else json)",
    env: "PULSEMESH_LOG_FORMAT",
    words: LOG_FORMATS,
    parse: oneOf(LOG_FORMATS),
  },
  { flags: "--json", key: null, text: "print where it runs as one JSON line on stdout" },
];

/** Everything that `run` needs to start. */
export interface RunPlan {
  readonly node: NodeOptions;
  readonly http: HostPort;
  readonly insecureHttp: boolean;
  readonly socket: { readonly path: string; readonly mode: number | undefined } | undefined;
  readonly joinFile: string | undefined;
  readonly addressFile: string | undefined;
  readonly probes: HostPort | undefined;
}

/** Turns flags into a plan; defaults are applied here and nowhere else. */
export function planRun(
  flags: RunFlags,
  robots: RobotFlagList,
  env: Readonly<Record<string, string | undefined>>,
): RunPlan {
  const core: Record<string, number | boolean> = { ...unknownRobotConfig(robots) };
  if (flags.observer === true) core["observer"] = true;
  if (flags.mayBeOffline !== undefined) core["mayBeOfflineMs"] = flags.mayBeOffline;
  if (flags.auditMax !== undefined) core["auditEntriesMax"] = flags.auditMax;
  const http = flags.http ?? parseHostPort(httpDefault, "--http");
  refuseSharedPort(http, flags.probes);
  return {
    http,
    insecureHttp: flags.insecureHttp ?? false,
    socket: socketOf(flags),
    joinFile: flags.joinFile,
    addressFile: flags.addressFile,
    probes: flags.probes,
    node: {
      dataDir: dataFolder(flags.data, env),
      sharedData: flags.sharedData,
      name: flags.name ?? defaultName(),
      region: flags.region,
      listen: flags.listen ?? [listenDefault],
      announce: flags.announce,
      join: flags.join,
      fleet: flags.fleet,
      open: flags.open,
      passphrase:
        flags.issuerPassphraseFile === undefined
          ? undefined
          : readPassphraseFile(flags.issuerPassphraseFile, "--issuer-passphrase-file"),
      networkKey: readNetworkKeyFile(flags.networkKeyFile),
      mdns: flags.mdns,
      observer: flags.observer,
      profile: flags.profile,
      restartWithinMs: flags.restartWithin,
      core,
    },
  };
}

/** Both are opened by this process, and the second to come would blame another one. */
function refuseSharedPort(http: HostPort, probes: HostPort | undefined): void {
  if (probes === undefined || http.port === 0) return;
  if (probes.port !== http.port || probes.host !== http.host) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use --probes '${formatHostPort(probes)}' as --http is at the same address, which answers probes too; name another, or leave --probes away.`,
  );
}

/** Where data lives: `--data`, else the state folder of the user. */
export function dataFolder(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (flag !== undefined) return resolve(flag);
  const state = env["XDG_STATE_HOME"] ?? "";
  // The XDG specification says to ignore relative paths.
  return join(
    state.startsWith("/") ? state : join(env["HOME"] ?? homedir(), ".local", "state"),
    "pulsemesh",
  );
}

function socketOf({ socket, socketMode: mode }: RunFlags): RunPlan["socket"] {
  return socket === undefined ? undefined : { path: resolve(socket), mode };
}

/** Octal, as `chmod` takes it; without the owner's own bits nobody could use the socket. */
function parseMode(text: string, flag: string): number {
  if (/^0?6[06][06]$/.test(text)) return Number.parseInt(text, 8);
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as it must be 0600 (the owner), 0660 (and the group) or 0666 (everybody on this machine).`,
  );
}

/** The host name, as far as it can be a name. */
export function defaultName(): string {
  const name = (hostname().split(".")[0] ?? "").replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 63);
  return nodeNameText.test(name) ? name : "node";
}

export function parseName(text: string, flag: string): string {
  if (nodeNameText.test(text)) return text;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as it must be 1 to 63 letters, digits, '.', '_' or '-', starting with a letter or digit.`,
  );
}

function parseFleet(text: string, flag: string): string {
  if (/^[a-z2-7]{52}$/.test(text)) return text;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as it must be a fleet id, 52 characters of a-z and 2-7, as \`pulsemesh peers\` prints it.`,
  );
}
