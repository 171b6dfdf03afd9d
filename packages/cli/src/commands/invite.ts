/** `pulsemesh invite`: makes one string that makes one node a member, at the node with the issuer's key. */
import { PulsemeshError } from "@pulsemesh/core";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, durationBetween, wholeBetween } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { tableLines } from "../table.ts";
import { type TermFlags, termFlags, termsOf } from "./member-terms.ts";

interface InviteFlags extends ClientFlags, TermFlags {
  /** Milliseconds. */
  readonly ttl?: number;
  readonly uses?: number;
  readonly list?: boolean;
  readonly withdraw?: string;
  readonly json?: boolean;
}

const ttlMsMost = 7 * 86_400_000;

/** Adds `invite` to the program. */
export function addInviteCommand(program: Command, cli: Cli): void {
  const command = program
    .command("invite")
    .description("make an invite: one string with which one node becomes a member");
  addFlags(command, [
    ...termFlags,
    {
      flags: "--ttl <duration>",
      text: "for how long it can be used (default 1h, at most 7d)",
      parse: durationBetween(1_000, ttlMsMost),
    },
    {
      flags: "--uses <n>",
      text: "how many nodes may use it (default 1)",
      parse: wholeBetween(1, 100),
    },
    { flags: "--list", text: "list those that are open instead" },
    { flags: "--withdraw <id>", text: "close the one with this id, as --list shows it, instead" },
    ...clientFlags,
    { flags: "--json", text: "as JSON" },
  ]);
  command.addHelpText(
    "after",
    `
It is a secret until it is used: whoever shows it at this node becomes a member.
  pulsemesh invite --robots 'zap-*' --region eu        then, on the other machine:
  pulsemesh join INVITE                                or at once: pulsemesh run --join INVITE`,
  );
  setAction<InviteFlags>(cli, command, async (flags) => {
    const client = connect(cli, flags);
    if (flags.list === true) return await list(cli, flags, await client.invites());
    cli.context = { ...cli.context, writes: true };
    if (flags.withdraw !== undefined) return await withdraw(cli, flags.withdraw, client);
    const made = await client.invite({ ...termsOf(flags), ttl_ms: flags.ttl, uses: flags.uses });
    cli.terminal.out(flags.json === true ? printableJson(made) : printable(made.invite));
    if (flags.json !== true) cli.terminal.say(printable(`It can be used until ${made.expires}.`));
    return EXIT.ok;
  });
}

/** By the beginning of an id, where it is one invite's alone. */
async function withdraw(
  { terminal }: Cli,
  beginning: string,
  client: ReturnType<typeof connect>,
): Promise<number> {
  const invites = await client.invites();
  const [found, ...others] = invites.filter(({ id }) => id.startsWith(beginning));
  if (found === undefined || others.length > 0) {
    const why = found === undefined ? "none that is open begins with it" : "several begin with it";
    throw new PulsemeshError(
      "invite-unknown",
      `Cannot withdraw invite '${beginning}': ${why}. Nothing was changed.`,
    );
  }
  await client.withdrawInvite(found.id);
  const used = found.used_by.length;
  const stays = used === 0 ? "Nobody has used it." : `${used} have used it, and stay members.`;
  terminal.say(printable(`Invite ${found.id.slice(0, 12)} is closed. ${stays}`));
  return EXIT.ok;
}

type Invites = Awaited<ReturnType<ReturnType<typeof connect>["invites"]>>;

async function list(cli: Cli, { json }: InviteFlags, invites: Invites): Promise<number> {
  if (json === true) {
    cli.terminal.out(printableJson({ invites }));
    return EXIT.ok;
  }
  if (invites.length === 0) cli.terminal.say("No invite is open.");
  else
    for (const line of tableLines(invites, [
      { title: "ID", text: ({ id }) => id.slice(0, 12) },
      { title: "ROLES", text: ({ roles }) => roles.join(",") },
      { title: "ROBOTS", text: ({ robots }) => robots.join(",") },
      { title: "REGION", text: ({ region }) => region ?? "-" },
      { title: "USED", text: ({ uses, used_by: used }) => `${used.length}/${uses}` },
      { title: "UNTIL", text: ({ expires }) => expires },
    ]))
      cli.terminal.out(line);
  return EXIT.ok;
}
