/** `pulsemesh audit tail|verify`: the tamper-evident log of one node. */
import type { AuditEntryJson, AuditVerifyJson, PulsemeshClient } from "@pulsemesh/client";
import type { Command } from "commander";
import { setTimeout as wait } from "node:timers/promises";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { describeFailure, isAway } from "../failure.ts";
import { addFlags, wholeBetween } from "../flags.ts";
import { catchInterruption } from "../interruption.ts";
import { printable, printableJson } from "../printable.ts";

interface AuditFlags extends ClientFlags {
  readonly json?: boolean;
  readonly lines?: number;
  readonly follow?: boolean;
}

const linesDefault = 20;
const linesMost = 1_000;
const followEveryMs = 500;

/** Adds `audit` to the program. */
export function addAuditCommand(program: Command, cli: Cli): void {
  const audit = program.command("audit").description("the tamper-evident log of a node");
  addTail(audit, cli);
  addVerify(audit, cli);
}

function addTail(parent: Command, cli: Cli): void {
  const command = parent.command("tail").description("the newest entries, oldest first");
  addFlags(command, [
    ...clientFlags,
    {
      flags: "-n, --lines <n>",
      text: `how many (default ${linesDefault})`,
      parse: wholeBetween(1, linesMost),
    },
    { flags: "-f, --follow", text: "go on with new ones" },
    { flags: "--json", text: "one JSON object a line" },
  ]);
  setAction<AuditFlags>(cli, command, async (flags) => {
    const client = connect(cli, flags);
    const show = (entry: AuditEntryJson): void =>
      cli.terminal.out(flags.json === true ? printableJson(entry) : entryLine(entry));
    const { entries } = await client.auditTail({ limit: flags.lines ?? linesDefault });
    for (const entry of entries) show(entry);
    if (flags.follow !== true) return EXIT.ok;
    return await follow(cli, client, entries.at(-1)?.index ?? -1, show);
  });
}

async function follow(
  cli: Cli,
  client: PulsemeshClient,
  from: number,
  show: (entry: AuditEntryJson) => void,
): Promise<number> {
  using interruption = catchInterruption();
  const { signal } = interruption;
  let last = from;
  let isTroubled = false;
  while (!signal.aborted) {
    await wait(followEveryMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    try {
      for (const entry of await entriesAfter(client, last)) {
        show(entry);
        last = entry.index;
      }
      isTroubled = false;
    } catch (error) {
      // A node that restarts comes back, and its log goes on where it was.
      if (!isAway(error)) throw error;
      if (!isTroubled) {
        cli.terminal.say(`${describeFailure(error, cli.context).lines[0] ?? ""} Trying again.`);
      }
      isTroubled = true;
    }
  }
  return EXIT.interrupted;
}

/** Pages backwards from the end until it meets what was shown. */
async function entriesAfter(client: PulsemeshClient, index: number): Promise<AuditEntryJson[]> {
  const found: AuditEntryJson[] = [];
  let before: number | undefined;
  for (;;) {
    const page = await client.auditTail({ limit: linesDefault, before });
    const fresh = page.entries.filter((entry) => entry.index > index);
    found.unshift(...fresh);
    if (fresh.length < page.entries.length || page.before === null) return found;
    before = page.before;
  }
}

/** One entry for people. */
function entryLine({ index, time, kind, data, hash }: AuditEntryJson): string {
  const text = JSON.stringify(data) ?? "";
  return printable(
    `${String(index).padStart(6)}  ${time}  ${kind.padEnd(16)} ${text}  ${hash.slice(0, 12)}`,
  );
}

function addVerify(parent: Command, cli: Cli): void {
  const command = parent
    .command("verify")
    .description("recompute the whole log; exits 1 and names the bad entries");
  addFlags(command, [...clientFlags, { flags: "--json", text: "as JSON" }]);
  setAction<AuditFlags>(cli, command, async (flags) => {
    // A long log takes long; the default time-out is for answers that are at hand.
    const result = await connect(cli, { timeout: 300_000, ...flags }).auditVerify();
    if (flags.json === true) cli.terminal.out(printableJson(result));
    else if (result.ok) {
      const pruned =
        (result.pruned ?? 0) === 0 ? "" : ` (the ${result.pruned} oldest are kept no more)`;
      cli.terminal.out(`ok: ${result.size} entries${pruned}, head ${result.head}`);
    } else {
      for (const line of faultLines(result)) cli.terminal.out(line);
      cli.terminal.say(
        "The others are good as far as they go. Next: keep a copy of the data folder, then compare with a neighbour's.",
      );
    }
    return result.ok ? EXIT.ok : EXIT.no;
  });
}

/** A line for each range of bad entries. */
function faultLines({ size, faults }: Extract<AuditVerifyJson, { readonly ok: false }>): string[] {
  return faults.map(({ from, to, reason }) => {
    const which = from === to ? `entry ${from}` : `entries ${from} to ${to}`;
    return printable(`bad: ${which} of ${size}: ${reason}`);
  });
}
