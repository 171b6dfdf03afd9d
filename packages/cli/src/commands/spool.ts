/** `pulsemesh spool list|flush|clear`: what no node took yet. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect, urlOf } from "../client-flags.ts";
import { spoolFlag, spoolFolder } from "../delivery-flags.ts";
import { describeFailure } from "../failure.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, type Flag } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { sendSpooled } from "../spool/deliver.ts";
import { flushSpool } from "../spool/flush.ts";
import { Spool } from "../spool/spool.ts";
import type { SpooledBeat, SpoolEntry } from "../spool/spooled-beat.ts";
import { type Column, tableLines } from "../table.ts";

interface SpoolFlags extends ClientFlags {
  readonly spool?: string;
  readonly to?: string;
  readonly json?: boolean;
}

const messageLengthShown = 60;
const flags: readonly Flag[] = [spoolFlag, { flags: "--json", text: "as JSON" }];

/** Adds `spool` with its commands to the program. */
export function addSpoolCommand(program: Command, cli: Cli): void {
  const command = program
    .command("spool")
    .description("beats that no node took, kept with their own times until one does");
  const list = command.command("list").description("what waits, the oldest first");
  addFlags(list, flags);
  setAction<SpoolFlags>(cli, list, (given) => listSpool(cli, given));
  const flush = command
    .command("flush")
    .description("deliver what waits; exits 3 when something is left");
  addFlags(flush, [
    ...clientFlags.map((flag) =>
      flag.env === "PULSEMESH_URL" ? { ...flag, text: "the node that --token-file is for" } : flag,
    ),
    {
      flags: "--to <url>",
      text: "deliver all to this node (default: each to the node that it was meant for)",
      parse: clientFlags.find(({ env }) => env === "PULSEMESH_URL")?.parse,
    },
    ...flags,
  ]);
  setAction<SpoolFlags>(cli, flush, (given) => flushAll(cli, given));
  const clear = command
    .command("clear")
    .description("remove what waits and what was set aside, for good");
  addFlags(clear, flags);
  setAction<SpoolFlags>(cli, clear, async (given) => {
    const removed = await spoolOf(cli, given).clear();
    cli.terminal.out(given.json === true ? JSON.stringify({ removed }) : `${removed} removed`);
    return EXIT.ok;
  });
}

function spoolOf({ terminal }: Cli, { spool }: SpoolFlags): Spool {
  return new Spool(spoolFolder(spool, terminal.env));
}

interface Waiting {
  readonly entry: SpoolEntry;
  readonly beat: SpooledBeat | "damaged";
}

const columns: readonly Column<Waiting>[] = [
  { title: "GIVEN", text: ({ entry }) => timeOf(entry) },
  { title: "ROBOT", text: ({ entry }) => entry.robot },
  { title: "WHAT", text: ({ beat }) => (beat === "damaged" ? beat : wordOf(beat)) },
  { title: "FOR", text: ({ beat }) => (beat === "damaged" ? "" : beat.url) },
  {
    title: "MESSAGE",
    text: ({ beat }) =>
      beat === "damaged" ? "" : (beat.message ?? "").slice(0, messageLengthShown),
  },
];

async function listSpool(cli: Cli, given: SpoolFlags): Promise<number> {
  const { terminal } = cli;
  const spool = spoolOf(cli, given);
  const waiting: Waiting[] = [];
  for (const entry of await spool.list()) {
    const beat = await spool.read(entry);
    if (beat !== "gone") waiting.push({ entry, beat });
  }
  if (given.json === true) for (const each of waiting) terminal.out(printableJson(jsonOf(each)));
  else if (waiting.length === 0) terminal.say(`Nothing waits in ${spool.folder}.`);
  else for (const line of tableLines(waiting, columns)) terminal.out(line);
  const asides = await spool.asides();
  if (asides.length > 0) {
    terminal.say(
      `${asides.length} that could not be delivered were set aside in ${spool.folder} (*.aside).`,
    );
  }
  return EXIT.ok;
}

function timeOf({ atWallMs }: SpoolEntry): string {
  return new Date(atWallMs).toISOString();
}

function wordOf({ kind }: SpooledBeat): string {
  return typeof kind === "number" ? `exit ${kind}` : kind;
}

function jsonOf({ entry, beat }: Waiting): Readonly<Record<string, unknown>> {
  const given = { at: timeOf(entry), robot_id: entry.robot };
  if (beat === "damaged") return { ...given, damaged: true };
  const { kind, url, rid = null, message = null } = beat;
  return { ...given, kind, rid, url, message };
}

async function flushAll(cli: Cli, given: SpoolFlags): Promise<number> {
  const spool = spoolOf(cli, given);
  let delivered = 0;
  const groups = Map.groupBy(await spool.list(), ({ urlKey }) => urlKey);
  for (const [urlKey, entries] of groups) {
    const url = given.to ?? (await urlOfFirst(spool, entries));
    // No node is told the token of another.
    const isFor = url === (given.to ?? urlOf(given));
    const { timeout, caFile, tokenFile } = given;
    const client = connect(cli, { url, timeout, caFile, ...(isFor ? { tokenFile } : {}) });
    const { sent, error, busy } = await flushSpool({
      spool,
      urlKey,
      send: (beat) => sendSpooled(client, beat),
      say: (line) => cli.terminal.say(printable(line)),
      beatsMax: Number.POSITIVE_INFINITY,
      msMax: Number.POSITIVE_INFINITY,
    });
    delivered += sent;
    if (busy === true) cli.terminal.say(`Another command delivers to ${url} just now.`);
    if (error !== undefined) {
      for (const line of describeFailure(error, cli.context).lines) cli.terminal.say(line);
    }
  }
  const left = (await spool.list()).length;
  cli.terminal.out(
    given.json === true
      ? JSON.stringify({ delivered, left })
      : `${delivered} delivered, ${left} left`,
  );
  return left === 0 ? EXIT.ok : EXIT.unknown;
}

/** Where the beats of a group were meant to go. Where no file can be read there is nothing to send, only to set aside. */
async function urlOfFirst(spool: Spool, entries: readonly SpoolEntry[]): Promise<string> {
  for (const entry of entries) {
    const beat = await spool.read(entry);
    if (typeof beat === "object") return beat.url;
  }
  return urlOf({});
}
