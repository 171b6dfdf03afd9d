/**
 * What every command has in common that signs with the root's keys: what the fleet has is asked first, so that nothing is signed beside it, and the new
 * statement is handed to the node that was asked. Where the root is, there may be no network: then both are carried by hand.
 */
import type { PulsemeshClient } from "@pulsemesh/client";
import { type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import type { RootDeed } from "@pulsemesh/node";
import { join, resolve } from "node:path";
import type { Cli } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { readPassphraseFile } from "../config/passphrase-file.ts";
import { readText } from "../config/token-file.ts";
import { EXIT } from "../exit-code.ts";
import { errorCodeOf } from "../failure.ts";
import type { Flag } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";

/** Beside the root's keys. */
const statementsFile = "root-statements.json";

export interface RootFlags extends ClientFlags {
  readonly root?: string;
  readonly passphraseFile?: string;
  readonly offline?: boolean;
  readonly known?: string;
  readonly json?: boolean;
}

export const rootFlags: readonly Flag[] = [
  { flags: "--root <dir>", text: "where the root's keys are" },
  {
    flags: "--passphrase-file <file>",
    text: "the passphrase that seals them, in a file",
  },
  { flags: "--offline", text: "ask no node: the statement is carried to one by hand" },
  {
    flags: "--known <file>",
    text: "with --offline: what the fleet has, as `grant list --json` printed it",
  },
  ...clientFlags,
  { flags: "--json", text: "as JSON, with the statement" },
];

/** What `nextRootStatement` and its kin take from the flags and the fleet. */
export interface RootAsking {
  readonly rootDir: string;
  readonly passphrase: string | undefined;
  /** Unix seconds. */
  readonly nowS: number;
  readonly known: readonly string[] | undefined;
  readonly fleet: string | undefined;
}

/** What they answer. */
export interface SignedRoot {
  readonly status: "signed" | "completed";
  readonly isAsked: boolean;
  readonly deed: RootDeed | undefined;
  readonly fleet: string;
  readonly number: number;
  readonly id: string;
  readonly token: string;
  /** Unix seconds. */
  readonly issuedS: number;
  readonly statements: readonly string[];
  readonly issuer?: string | undefined;
}

/**
 * Asks the fleet, signs, hands over and reports.
 * @param said - what is to be done next, for people
 * @returns the exit code: 1 where another change had been broken off, and was finished instead
 */
export async function signAndHandOver<Signed extends SignedRoot>(
  cli: Cli,
  flags: RootFlags,
  sign: (asking: RootAsking) => Promise<Signed>,
  said: (signed: Signed) => readonly string[],
): Promise<number> {
  const rootDir = rootDirOf(flags);
  const { passphraseFile: file } = flags;
  const passphrase = file === undefined ? undefined : readPassphraseFile(file, "--passphrase-file");
  if (flags.known !== undefined && flags.offline !== true) {
    throw new PulsemeshError(
      "option-invalid",
      "Cannot use --known without --offline: the node that is asked knows more.",
    );
  }
  const client = flags.offline === true ? undefined : connect(cli, flags);
  const fleet = client === undefined ? knownOf(flags.known) : await client.authority();
  const nowS = Date.now() / 1_000;
  const asking = { rootDir, passphrase, nowS, known: fleet?.statements, fleet: fleet?.fleet };
  const signed = await withNext(cli, rootDir, () => sign(asking));
  if (client !== undefined)
    await handOver(cli, client, signed.statements, join(rootDir, statementsFile));
  report(cli, flags, signed, rootDir, signed.isAsked ? said(signed) : otherwiseLines(signed));
  return signed.isAsked ? EXIT.ok : EXIT.no;
}

/** The usual next steps of these codes speak of a node's folder. */
async function withNext<T>(cli: Cli, rootDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const next = nextSteps[errorCodeOf(error)];
    if (next !== undefined) cli.context = { ...cli.context, next: printable(next(rootDir)) };
    throw error;
  }
}

const nextSteps: Readonly<Partial<Record<ErrorCode, (rootDir: string) => string>>> = {
  "fleet-mismatch": (rootDir) =>
    `pulsemesh key show --root ${rootDir}   names the keys there, pulsemesh grant list --json   what the fleet has`,
  "store-locked": () => "repeat it when the other command has ended",
  "data-dir-unusable": () => "name the folder with the root's keys, or its other copy, with --root",
};

/**
 * Nobody guesses where the root's keys are: they should be on a stick.
 * @throws PulsemeshError `option-invalid`
 */
export function rootDirOf({ root }: RootFlags): string {
  if (root !== undefined) return resolve(root);
  throw new PulsemeshError(
    "option-invalid",
    "Cannot sign without the root's keys: name the folder that `pulsemesh init` put them in, with --root DIR.",
  );
}

/** Longest list of statements in one request, in characters: a request has at most a mebibyte. */
const requestLengthMost = 900_000;

/**
 * From number 2 on, as one row that is judged as a whole: one by one, what the node has instead of one of them could keep out those that show which is right,
 * and between two of them what neither says would count. Number 1 every node has that was made a member; where it is all there is, it goes.
 * @param path - the file with the statements
 */
export async function handOver(
  cli: Cli,
  client: PulsemeshClient,
  statements: readonly string[],
  path: string,
): Promise<void> {
  const tokens = statements.length > 1 ? statements.slice(1) : statements;
  let count = 0;
  try {
    for (const request of requestsOf(tokens)) {
      await client.submitStatements(request);
      count += request.length;
    }
  } catch (error) {
    const which = statements.length > 1 ? "statements behind the first one" : "statements";
    cli.terminal.say(
      printable(
        `It is signed, and in ${path}; of its ${tokens.length} ${which} the node has confirmed ${count}.`,
      ),
    );
    cli.context = {
      ...cli.context,
      next: `pulsemesh key publish ${path}   hands over all of it, also what the node has`,
    };
    throw error;
  }
}

/** In the same order, no more in one request than it holds. */
function requestsOf(tokens: readonly string[]): readonly (readonly string[])[] {
  const requests: string[][] = [];
  let length = 0;
  for (const token of tokens) {
    const last = requests.at(-1);
    length += token.length + 3;
    if (last !== undefined && length <= requestLengthMost) last.push(token);
    else {
      requests.push([token]);
      length = token.length + 3;
    }
  }
  return requests;
}

/**
 * Statements in a file: of a root's folder, or of `grant list --json`.
 * @throws PulsemeshError `option-invalid`
 */
export function readFleetFile(path: string): {
  readonly fleet: string | undefined;
  readonly statements: readonly string[];
} {
  const text = readText(path, "the file", "option-invalid", { mayBePipe: true });
  try {
    const json = JSON.parse(text) as { readonly fleet?: unknown; readonly statements?: unknown };
    const { fleet, statements } = json;
    const isList = Array.isArray(statements) && statements.length > 0;
    if (isList && statements.every((token) => typeof token === "string"))
      return { fleet: typeof fleet === "string" ? fleet : undefined, statements };
  } catch {
    // Said below.
  }
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use '${path}' as there are no statements in it: it is neither what \`pulsemesh grant list --json\` prints nor a root's ${statementsFile}.`,
  );
}

function knownOf(path: string | undefined): ReturnType<typeof readFleetFile> | undefined {
  return path === undefined ? undefined : readFleetFile(path);
}

/** What was finished in place of what is asked for. */
function otherwiseLines({ deed }: SignedRoot): readonly string[] {
  const next = "What is asked for now was not done. Next: type it once more.";
  if (deed === undefined) return [next];
  const { rotated, named, dropped, voids } = deed;
  const done = [
    ...(rotated ? ["rotates the root"] : []),
    ...(named.length > 0 ? [`names issuer ${named.join(", ")}`] : []),
    ...(dropped.length > 0 ? [`names ${dropped.join(", ")} no more`] : []),
    ...voids.map(({ key, kept }) => `makes ${key} void but for ${kept.length} of its statements`),
  ];
  return [`It ${done.length === 0 ? "says the same again" : done.join(", ")}.`, next];
}

function report(
  { terminal: { out, say } }: Cli,
  { json, offline }: RootFlags,
  { status, fleet, number, id, token, issuer, isAsked }: SignedRoot,
  rootDir: string,
  said: readonly string[],
): void {
  const isHanded = offline !== true;
  if (json === true) {
    const known = { status, asked: isAsked, fleet, number, id, issuer: issuer ?? null, token };
    out(printableJson({ ...known, handed: isHanded }));
    return;
  }
  out(printable(`root statement ${number} of fleet ${fleet}`));
  if (status === "completed")
    say(
      isAsked
        ? "It had been broken off and is finished now."
        : "Another change had been broken off here, and that one is finished now.",
    );
  say(
    isHanded
      ? "The fleet has it."
      : printable(
          `No node has it yet. Next, where one is reached: pulsemesh key publish ${join(rootDir, statementsFile)}`,
        ),
  );
  for (const line of said) say(printable(line));
}
