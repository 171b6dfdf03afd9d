/** The flags of every command that brings beats to a node, the courier that they make, and what is said of a beat that was not taken. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { BEAT_MESSAGE_BYTES_MAX } from "@pulsemesh/core";
import type { Cli } from "./cli.ts";
import { type ClientFlags, clientFlags, connect, urlOf } from "./client-flags.ts";
import { describeFailure, errorCodeOf } from "./failure.ts";
import { type Flag, durationBetween } from "./flags.ts";
import { printable } from "./printable.ts";
import type { Courier, Delivery } from "./spool/deliver.ts";
import { Spool } from "./spool/spool.ts";

export interface DeliveryFlags extends ClientFlags {
  /** Milliseconds. */
  readonly retryFor?: number;
  /** A folder; false with `--no-spool`. */
  readonly spool?: string | false;
  readonly strict?: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/** A beat that a node does not answer in this time is better tried again than waited for. */
const timeoutMsDefault = 5_000;
const retryForMsDefault = 3_000;
const hourMs = 3_600_000;

/** `--spool` alone, for commands that look at it. */
export const spoolFlag: Flag = {
  flags: "--spool <dir>",
  text: "where beats wait that no node took (default $XDG_STATE_HOME/pulsemesh-spool or ~/.local/state/pulsemesh-spool)",
  env: "PULSEMESH_SPOOL",
};

/** `--url`, `--timeout` and what becomes of a beat that no node takes. */
export const deliveryFlags: readonly Flag[] = [
  ...clientFlags.map((flag) =>
    flag.env === "PULSEMESH_TIMEOUT"
      ? { ...flag, text: "how long an answer may take (default 5s)" }
      : flag,
  ),
  {
    flags: "--retry-for <duration>",
    text: "how long to try again what may succeed later; 0s tries once (default 3s)",
    env: "PULSEMESH_RETRY_FOR",
    parse: durationBetween(0, hourMs),
  },
  spoolFlag,
  { flags: "--no-spool", text: "keep nothing: a beat that no node takes is an error" },
  {
    flags: "--strict",
    text: "exit 3 when no node took the beat, though it is kept",
    env: "PULSEMESH_STRICT",
  },
];

/** Where beats wait: `--spool`, else beside the state of the user's other programs, and apart from the data of any node. */
export function spoolFolder(flag: string | undefined, env: Env): string {
  if (flag !== undefined) return resolve(flag);
  const state = env["XDG_STATE_HOME"] ?? "";
  const base = state.startsWith("/") ? state : join(env["HOME"] ?? homedir(), ".local", "state");
  return join(base, "pulsemesh-spool");
}

/** The courier that the flags describe; error messages will name its node. */
export function courierOf(cli: Cli, flags: DeliveryFlags): Courier {
  const { spool, retryFor } = flags;
  return {
    client: connect(cli, { ...flags, timeout: flags.timeout ?? timeoutMsDefault }),
    url: urlOf(flags),
    spool: spool === false ? undefined : new Spool(spoolFolder(spool, cli.terminal.env)),
    retryForMs: retryFor ?? retryForMsDefault,
    say: (line) => cli.terminal.say(`${cli.context.command}: ${printable(line)}`),
  };
}

/** A message as a node keeps it, so that the spool holds no more than what can arrive. */
export function cutMessage(text: string): string {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, BEAT_MESSAGE_BYTES_MAX);
  // Not inside a character: its continuation bytes look like 10xxxxxx.
  while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end === bytes.length ? text : bytes.toString("utf8", 0, end);
}

/** Says on stderr what became of a beat that no node took. `what`: "this beat", "the start of this run". */
export function sayDelivery(cli: Cli, delivery: Delivery, what: string): void {
  if (delivery.outcome === "taken") return;
  const { terminal, context } = cli;
  const say = (line: string): void => terminal.say(`${context.command}: ${line}`);
  const { error } = delivery;
  if (delivery.outcome === "kept") {
    say(`warning: no node took ${what}; it is kept and goes out with a later command.`);
    for (const line of reasonOf(cli, error)) terminal.say(`  ${line}`);
    const [oldest] = delivery.dropped;
    if (oldest === undefined) return;
    say(
      `warning: THE SPOOL IS FULL. ${delivery.dropped.length} of the oldest kept beats were dropped for it, the first one of ${oldest.robot} of ${new Date(oldest.atWallMs).toISOString()}. Next: pulsemesh spool list`,
    );
    return;
  }
  say(`warning: the mesh did not get ${what}.`);
  for (const line of reasonOf(cli, error)) terminal.say(`  ${line}`);
  sayNotKept(cli, delivery);
}

/** Says why a beat is not in the spool either. */
export function sayNotKept(cli: Cli, delivery: Delivery): void {
  if (delivery.outcome !== "failed" || delivery.spoolError === undefined) return;
  const why = delivery.spoolError.message.replace(/[^.]$/, "$&.");
  cli.terminal.say(
    `${cli.context.command}: warning: it could not be kept either: ${printable(why)} Next: free some space, or name another folder with --spool.`,
  );
}

function reasonOf(cli: Cli, error: unknown): readonly string[] {
  const next =
    errorCodeOf(error) === "robot-unknown" ? "add --create to register the robot" : undefined;
  return describeFailure(error, { ...cli.context, next }).lines.slice(0, 2);
}
