/** `pulsemesh grant sign` answers a request at the issuer's node, `grant list` says who is a member and until when; `revoke` ends a membership. */
import type { AuthorityJson, PeersJson } from "@pulsemesh/client";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { readText } from "../config/token-file.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, durationBetween } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { readBeginning } from "../stdin-text.ts";
import { tableLines } from "../table.ts";
import { requestIn } from "./address-flags.ts";
import { stdinBytesMost } from "./join.ts";
import { type TermFlags, termFlags, termsOf } from "./member-terms.ts";
import { nodeOf } from "./node.ts";

interface SignFlags extends ClientFlags, TermFlags {
  /** Milliseconds. */
  readonly life?: number;
}

interface ListFlags extends ClientFlags {
  readonly json?: boolean;
}

interface RevokeFlags extends ClientFlags {
  readonly reason?: string;
}

const lifeMsMost = 31 * 86_400_000;

/** Adds `grant` and `revoke` to the program. */
export function addGrantCommands(program: Command, cli: Cli): void {
  const grant = program.command("grant").description("memberships: sign, list");
  addSign(grant, cli);
  addList(grant, cli);
  addRevoke(program, cli);
}

function addSign(grant: Command, cli: Cli): void {
  const command = grant
    .command("sign")
    .argument("<request>", "the file of `pulsemesh request`, or - for stdin")
    .description("make the node that wrote a request a member; prints what it needs");
  addFlags(command, [
    ...termFlags,
    {
      flags: "--life <span>",
      text: "how long the grant lasts, at most 31d; it ends then (default 14d, renewed while its node lives)",
      parse: durationBetween(60_000, lifeMsMost),
    },
    ...clientFlags,
  ]);
  setAction<SignFlags>(cli, command, async (flags, [path = ""]) => {
    cli.context = { ...cli.context, writes: true };
    const request =
      path === "-"
        ? await readBeginning(cli, stdinBytesMost)
        : readText(path, "the request", "option-invalid", { mayBePipe: true });
    const terms = { ...termsOf(flags), lifeMs: flags.life };
    const statements = await connect(cli, flags).grant(requestIn(request), terms);
    cli.terminal.out(printableJson({ statements }));
    return EXIT.ok;
  });
}

function addList(grant: Command, cli: Cli): void {
  const command = grant
    .command("list")
    .description("who is a member, by whose word and until when, as the asked node knows it");
  addFlags(command, [...clientFlags, { flags: "--json", text: "as JSON" }]);
  setAction<ListFlags>(cli, command, async (flags) => {
    const authority = await connect(cli, flags).authority();
    const { out, say } = cli.terminal;
    if (flags.json === true) {
      out(printableJson(authority));
      return EXIT.ok;
    }
    if (!authority.closed) {
      say(
        "This fleet is open: whoever reaches a node is a member. Next: pulsemesh init   closes it",
      );
      return EXIT.ok;
    }
    const { root, charter, grants, revoked, stale } = authority;
    for (const line of tableLines(grants, [
      { title: "NODE", text: ({ name, id }) => name ?? id },
      { title: "STANDING", text: ({ standing }) => standing },
      { title: "ROLES", text: ({ roles }) => roles.join(",") },
      { title: "ROBOTS", text: ({ robots }) => robots.join(",") },
      { title: "REGION", text: ({ region }) => region },
      { title: "UNTIL", text: ({ expires }) => expires },
      { title: "ID", text: ({ id }) => id },
    ]))
      out(line);
    out("");
    for (const each of revoked)
      out(printable(`revoked ${namedOf(each)} at ${each.at}${whyOf(each)}`));
    out(printable(`root statement ${root?.number ?? 0}, charter ${charter?.number ?? 0}`));
    if (stale) say("Nothing was heard of the fleet's authority for a day: nobody new is let in.");
    if (charter?.disputed === true)
      say(
        "There is another charter with the same number: somebody else has the key that signs them.",
      );
    const disputed = root?.unanswered ?? root?.disputed ?? [];
    if (disputed.length > 0)
      say(
        "There is another root statement with the same number: somebody else has the root's key.",
      );
    return EXIT.ok;
  });
}

function addRevoke(program: Command, cli: Cli): void {
  const command = program
    .command("revoke")
    .argument("<node>", "its name or id, as `pulsemesh peers` prints them")
    .description("end a membership for good: that node's key never counts again");
  addFlags(command, [
    { flags: "--reason <text>", text: "why, for people; all members read it" },
    ...clientFlags,
  ]);
  command.addHelpText(
    "after",
    `
To be asked at the node with the issuer's key. What the node wrote until now stays; what it writes from now on counts nowhere, and
whoever has its key is let in nowhere. A node that should come back draws a new key: an empty --data folder, and an invite.`,
  );
  setAction<RevokeFlags>(cli, command, async (flags, [text = ""]) => {
    cli.context = { ...cli.context, writes: true };
    const client = connect(cli, flags);
    const before = await client.authority();
    const { id, name } = memberOf(text, await client.peers(), before);
    const isOf = (each: Revoked): boolean => each.id === id;
    const [earlier] = before.revoked.filter(isOf);
    await client.revoke(id, flags.reason ?? "");
    if (earlier === undefined) {
      cli.terminal.say(printable(`Revoked ${namedOf({ id, name })}.`));
      return EXIT.ok;
    }
    // Another issuer's word is one more, in case that of the first turns out to be void.
    const isSame =
      (await client.authority()).revoked.filter(isOf).length === before.revoked.filter(isOf).length;
    const rest = isSame ? "nothing was changed" : "this issuer has said it as well now";
    const line = `${namedOf({ id, name })} was revoked already, at ${earlier.at}${whyOf(earlier)}; ${rest}.`;
    cli.terminal.say(printable(line));
    return EXIT.ok;
  });
}

type Revoked = AuthorityJson["revoked"][number];

interface MaybeNamed {
  readonly id: string;
  readonly name?: string | null | undefined;
}

/**
 * Whom a name or id means: of those of one name who is in the fleet comes first, then who was and may come back, then who is revoked: a new node often
 * takes the name of the one before.
 */
function memberOf(
  text: string,
  peers: PeersJson,
  { grants, revoked }: AuthorityJson,
): { readonly id: string; readonly name: string } {
  const ended = new Set(revoked.map(({ id }) => id));
  const listed = [peers.self, ...peers.peers];
  if (listed.some(({ id, name }) => id === text || name === text)) return nodeOf(text, peers);
  const away = grants.filter(({ id }) => !ended.has(id));
  const isNamed = ({ id, name }: MaybeNamed): boolean => id === text || name === text;
  const found = [away, revoked].map((all) => all.filter(isNamed)).find((all) => all.length > 0);
  const known = new Map(found?.map(({ id, name }) => [id, { id, name: name ?? id }]));
  return nodeOf(text, known.size === 0 ? peers : { self: peers.self, peers: [...known.values()] });
}

function namedOf({ id, name }: MaybeNamed): string {
  return name === undefined || name === null || name === id ? id : `${name} (${id})`;
}

function whyOf({ reason }: Revoked): string {
  return reason === "" ? "" : `: ${reason}`;
}
