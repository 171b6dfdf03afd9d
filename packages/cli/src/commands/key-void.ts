/** `pulsemesh key void`: an issuer whose key was stolen; `key publish` hands root statements to a node that were signed elsewhere. */
import type { PulsemeshClient } from "@pulsemesh/client";
import { isKeyId, PulsemeshError } from "@pulsemesh/core";
import type { Command } from "commander";
import { resolve } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { readText } from "../config/token-file.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { printable } from "../printable.ts";
import { readBeginning } from "../stdin-text.ts";
import { stdinBytesMost } from "./join.ts";
import { issuerPassphraseFlag, issuerPassphraseOf, takenUpLine } from "./key-rotate.ts";
import {
  handOver,
  readFleetFile,
  type RootFlags,
  rootFlags,
  signAndHandOver,
} from "./root-asking.ts";

interface VoidFlags extends RootFlags {
  readonly keep?: string;
  readonly data?: string;
  readonly issuerPassphraseFile?: string;
}

const statementId = /^[\da-f]{64}$/;

/** Adds `void` and `publish` to `key`. */
export function addVoidCommands(key: Command, cli: Cli): void {
  addVoid(key, cli);
  addPublish(key, cli);
}

function addVoid(key: Command, cli: Cli): void {
  const command = key
    .command("void")
    .argument("<key>", "the issuer's key, as `pulsemesh grant list --json` names it")
    .description("an issuer's key was stolen: of what it signed counts what is kept, and no more");
  addFlags(command, [
    {
      flags: "--keep <file>",
      text: "what stays: what `grant list --json` printed, less what is not genuine; or ids, one a line; - for stdin; none for nothing",
    },
    {
      flags: "--data <dir>",
      text: "draw a new issuer's key into this node's folder (default: the other issuers go on alone)",
    },
    issuerPassphraseFlag,
    ...rootFlags,
  ]);
  command.addHelpText(
    "after",
    `
Neither a date nor a number tells what a thief has signed from what is genuine: look through the list, and delete what nobody of you
has granted or revoked; a genuine grant that the thief has outdone stands under 'superseded': move its row to 'grants'. Who is not kept has to be granted membership anew, by another issuer.
  pulsemesh grant list --json > members.json
  pulsemesh key void KEY --keep members.json --root /media/stick --data DIR`,
  );
  setAction<VoidFlags>(cli, command, async (flags, [text = ""]) => {
    checkKey(text);
    const kept = await readKept(cli, flags.keep, text);
    const dir = flags.data === undefined ? undefined : resolve(flags.data);
    const issuerPassphrase = issuerPassphraseOf(flags.issuerPassphraseFile);
    const { voidIssuer } = await import("@pulsemesh/node");
    return await signAndHandOver(
      cli,
      flags,
      (asking) => voidIssuer({ ...asking, key: text, kept, dir, issuerPassphrase }),
      ({ issuer }) => [
        `${text} is void: ${kept.length} of its statements stay.`,
        ...(dir === undefined
          ? []
          : [
              `Issuer ${issuer ?? "?"} is in ${dir}.`,
              takenUpLine(dir, flags.issuerPassphraseFile),
            ]),
      ],
    );
  });
}

function addPublish(key: Command, cli: Cli): void {
  const command = key
    .command("publish")
    .argument(
      "<file>",
      "root-statements.json of the root's folder, or what `grant list --json` printed at a member",
    )
    .description("hand root statements to a node that hears of them from nobody");
  addFlags(command, clientFlags);
  setAction<ClientFlags>(cli, command, async (flags, [path = ""]) => {
    cli.context = { ...cli.context, writes: true };
    const { fleet, statements } = readFleetFile(path);
    const client = connect(cli, flags);
    await checkFleet(cli, client, path, fleet);
    await handOver(cli, client, statements, resolve(path));
    // The charter is among them where a member has printed them.
    const count = statements.length === 1 ? "the statement" : `all ${statements.length} statements`;
    cli.terminal.say(printable(`The node has ${count} of ${path}.`));
    return EXIT.ok;
  });
}

/**
 * What a member has printed names its fleet; of a root's folder the node says by the signatures whether it is of its own.
 * @throws PulsemeshError `fleet-mismatch`
 */
async function checkFleet(
  cli: Cli,
  client: PulsemeshClient,
  path: string,
  named: string | undefined,
): Promise<void> {
  if (named === undefined) return;
  const { fleet } = await client.authority();
  if (fleet === named) return;
  cli.context = { ...cli.context, next: "pulsemesh grant list --json   at a member of this fleet" };
  throw new PulsemeshError(
    "fleet-mismatch",
    printable(
      `Cannot hand over '${path}': it is of fleet ${named}, and the node is in fleet ${fleet}.`,
    ),
  );
}

function checkKey(text: string): void {
  const isKey: boolean = isKeyId(text);
  if (isKey) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use '${text}' as the key of an issuer: it has 52 letters and digits.`,
  );
}

async function readKept(
  cli: Cli,
  path: string | undefined,
  key: string,
): Promise<readonly string[]> {
  if (path === undefined) {
    throw new PulsemeshError(
      "option-invalid",
      "Cannot make a key void without --keep: say what of that key's statements stays, or --keep none.",
    );
  }
  if (path === "none") return [];
  const text =
    path === "-"
      ? await readBeginning(cli, stdinBytesMost)
      : readText(path, "--keep", "option-invalid", { mayBePipe: true });
  const kept = text.trimStart().startsWith("{") ? idsOfList(text, key) : idsOfLines(text);
  if (kept !== undefined) return [...new Set(kept)];
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use --keep '${path}': it is neither what \`pulsemesh grant list --json\` prints nor ids of statements, one a line. To keep nothing, say --keep none.`,
  );
}

function isStatementId(value: unknown): value is string {
  return typeof value === "string" && statementId.test(value);
}

/** Only what that key has signed; of others nothing has to be kept. */
function idsOfList(text: string, key: string): readonly string[] | undefined {
  try {
    const { grants, revoked } = JSON.parse(text) as {
      readonly grants: readonly { readonly statement: string; readonly issuer: string }[];
      readonly revoked: readonly { readonly statement: string; readonly by: string }[];
    };
    const ids = [
      ...grants.filter(({ issuer }) => issuer === key),
      ...revoked.filter(({ by }) => by === key),
    ].map(({ statement }) => statement);
    return ids.every(isStatementId) ? ids : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing at all is no list: a pipe whose other end has failed must not void everybody. */
function idsOfLines(text: string): readonly string[] | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  const ids = lines.filter((line) => line !== "");
  return ids.length > 0 && ids.every(isStatementId) ? ids : undefined;
}
