/** `pulsemesh join INVITE|FILE`: makes this machine's node a member, and prints how to start it. */
import { existsSync } from "node:fs";
import { PulsemeshError } from "@pulsemesh/core";
import type { JoinFleetOptions } from "@pulsemesh/node";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { networkKeyFlag, readNetworkKeyFile } from "../config/network-key-file.ts";
import { readText } from "../config/token-file.ts";
import { formatAge } from "../duration.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, type Flag } from "../flags.ts";
import { errorCodeOf } from "../failure.ts";
import { catchInterruption, signalExitCode } from "../interruption.ts";
import { printable, printableJson } from "../printable.ts";
import { readBeginning } from "../stdin-text.ts";
import { inviteIn } from "./address-flags.ts";
import { dataFolder, defaultName, parseName } from "./run-options.ts";

/** More than all root statements, a charter and a grant take. */
export const stdinBytesMost: number = 4 * 1024 * 1024;

export interface PlaceFlags {
  readonly data?: string;
  readonly name?: string;
  readonly region?: string;
  readonly sharedData?: boolean;
  readonly json?: boolean;
}

interface JoinFlags extends PlaceFlags {
  readonly networkKeyFile?: string;
}

/** Of every command that makes keys in a folder which `run` is to take afterwards. */
export const sharedDataFlag: Flag = {
  flags: "--shared-data",
  text: "take a folder that others on this machine may enter, as `run` does by the same word",
  env: "PULSEMESH_SHARED_DATA",
};

/** Which node it is about. */
export const placeFlags: readonly Flag[] = [
  {
    flags: "--data <dir>",
    text: "the node's folder (default as for `run`)",
    env: "PULSEMESH_DATA",
  },
  {
    flags: "--name <name>",
    text: "name of this node (default: host name)",
    env: "PULSEMESH_NAME",
    parse: parseName,
  },
  {
    flags: "--region <region>",
    text: "where it runs, where the invite does not say",
    env: "PULSEMESH_REGION",
    parse: parseName,
  },
  sharedDataFlag,
];

/** Adds `join` to the program. */
export function addJoinCommand(program: Command, cli: Cli): void {
  const command = program
    .command("join")
    .argument(
      "<invite>",
      "what `pulsemesh invite` printed, or a file with that or of `pulsemesh grant sign`",
    )
    .description("become a member of a fleet by an invite, or by what an issuer signed elsewhere");
  addFlags(command, [...placeFlags, networkKeyFlag, { flags: "--json", text: "as JSON" }]);
  command.addHelpText(
    "after",
    `
An invite is a secret: others on this machine see what is typed here. Where they are not trusted, give it to \`run\` by the variable
PULSEMESH_JOIN, or in a --join-file.
  pulsemesh join pulsemesh:…                    asks the issuer that made it
  pulsemesh join grant.json                     nobody is asked`,
  );
  setAction<JoinFlags>(cli, command, async (flags, [what = ""]) => {
    const dir = dataFolder(flags.data, cli.terminal.env);
    cli.context = { ...cli.context, dataDir: dir };
    const invite = inviteIn(what, "the argument");
    if (invite !== undefined) return await joinByInvite(cli, flags, dir, invite);
    return await joinByFile(cli, flags, dir, what);
  });
}

async function joinByInvite(
  cli: Cli,
  { name, region = "default", sharedData, networkKeyFile, json }: JoinFlags,
  dir: string,
  invite: string,
): Promise<number> {
  using interruption = catchInterruption();
  const { joinFleet } = await import("@pulsemesh/node");
  const { signal } = interruption;
  const nowS = Date.now() / 1_000;
  const networkKey = readNetworkKeyFile(networkKeyFile);
  const waiting: NonNullable<JoinFleetOptions["waiting"]> = ({ address, waitedMs, limitMs }) =>
    cli.terminal.say(
      printable(
        `No answer yet after ${formatAge(waitedMs)}, from ${address} now; given up after ${formatAge(limitMs)}.`,
      ),
    );
  try {
    const node = { dir, sharedData, name: name ?? defaultName(), region };
    const joined = await joinFleet({ ...node, by: invite, nowS, networkKey, signal, waiting });
    report(cli, json, { ...joined, dir, name, sharedData, networkKeyFile });
  } catch (error) {
    const by = interruption.by();
    if (by !== undefined) return signalExitCode(by);
    throw error;
  }
  return EXIT.ok;
}

/** So long a word is no file's name, and may be most of an invite: it is not repeated. */
const INVITE_LIKE = /^[\w-]{100,}$/;

async function joinByFile(cli: Cli, flags: JoinFlags, dir: string, path: string): Promise<number> {
  if (INVITE_LIKE.test(path) && !existsSync(path))
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use '${path.slice(0, 8)}…' as it is no file, and an invite begins with pulsemesh: where this may have lost its beginning.`,
    );
  const text =
    path === "-"
      ? await readBeginning(cli, stdinBytesMost)
      : readText(path, "the invite or file", "option-invalid", { mayBePipe: true });
  const invite = inviteIn(text, path);
  if (invite !== undefined) return await joinByInvite(cli, flags, dir, invite);
  const { json, name, sharedData, networkKeyFile } = flags;
  const { acceptMembership } = await import("@pulsemesh/node");
  const options = { sharedData, nowS: Date.now() / 1_000 };
  const statements = statementsOf(text, path);
  const joined = await acceptMembership(dir, statements, options).catch((error: unknown) => {
    if (errorCodeOf(error) === "grant-none") cli.context = { ...cli.context, next: signAgain };
    throw error;
  });
  const given = { dir, name, sharedData, networkKeyFile };
  report(cli, json, { ...joined, ...given, addresses: [], isOld: false });
  return EXIT.ok;
}

const signAgain =
  "have its request signed once more where the issuer's node runs, and join by that: pulsemesh grant sign node.request > grant.json";

function statementsOf(text: string, path: string): readonly string[] {
  try {
    const { statements } = JSON.parse(text) as { readonly statements: readonly string[] };
    if (Array.isArray(statements) && statements.every((token) => typeof token === "string"))
      return statements;
  } catch {
    // Said below.
  }
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use '${path}' as it is neither an invite, which begins with pulsemesh:, nor a file of \`pulsemesh grant sign\`.`,
  );
}

interface Joined {
  readonly node: string;
  readonly fleet: string;
  readonly addresses: readonly string[];
  readonly dir: string;
  /** As it was given here; the region stands in the grant. */
  readonly name: string | undefined;
  readonly sharedData: boolean | undefined;
  readonly networkKeyFile: string | undefined;
  readonly isOld: boolean;
  readonly grant: { readonly roles: readonly string[]; readonly expS: number };
}

function report(
  { terminal: { out, say } }: Cli,
  json: boolean | undefined,
  { node, fleet, addresses, dir, name, sharedData, networkKeyFile, isOld, grant }: Joined,
): void {
  const by = addresses.map((address) => ` --join ${address}`).join("");
  const key = networkKeyFile === undefined ? "" : ` --network-key-file ${networkKeyFile}`;
  const named = name === undefined ? "" : ` --name ${name}`;
  const shared = sharedData === true ? " --shared-data" : "";
  const run = `pulsemesh run --data ${dir}${shared}${key}${by}${named}`;
  const expires = new Date(grant.expS * 1_000).toISOString();
  if (json === true) {
    out(printableJson({ node, fleet, roles: grant.roles, expires, data: dir, addresses, run }));
    return;
  }
  const roles = grant.roles.join(", ");
  const already = isOld ? "was a member already" : "is a member";
  say(printable(`Node ${node} ${already} of fleet ${fleet}, as ${roles}, until ${expires}.`));
  if (addresses.length === 0) say("Name a member to join by: --join ADDRESS.");
  out(printable(run));
}
