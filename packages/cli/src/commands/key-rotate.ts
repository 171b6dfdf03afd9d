/** `pulsemesh key rotate`: new keys for the root and for an issuer; and why a node's is not rotated. */
import { PulsemeshError } from "@pulsemesh/core";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { readPassphraseFile } from "../config/passphrase-file.ts";
import { formatAge, formatDuration } from "../duration.ts";
import { addFlags, durationBetween, type Flag } from "../flags.ts";
import { rootDirOf, type RootFlags, rootFlags, signAndHandOver } from "./root-asking.ts";
import { dataFolder } from "./run-options.ts";

interface RotateRootFlags extends RootFlags {
  readonly stolen?: boolean;
  readonly forged?: boolean;
}

interface RotateIssuerFlags extends RootFlags {
  readonly handover?: number;
  readonly data?: string;
  readonly replaces?: string;
  readonly issuerPassphraseFile?: string;
}

/** Where an issuer's key goes. */
const issuerDataFlag: Flag = {
  flags: "--data <dir>",
  text: "the folder of the node that issues (default as for `run`)",
  env: "PULSEMESH_DATA",
};

/** What seals the new issuer's key. */
export const issuerPassphraseFlag: Flag = {
  flags: "--issuer-passphrase-file <file>",
  text: "seal the new issuer's key with the passphrase in this file; needed where the one there is sealed",
};

/** The passphrase in it. */
export function issuerPassphraseOf(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readPassphraseFile(file, "--issuer-passphrase-file");
}

/** Adds `rotate` to `key`. */
export function addRotateCommands(key: Command, cli: Cli): void {
  const rotate = key.command("rotate").description("draw a new key: root, issuer, node");
  addRotateRoot(rotate, cli);
  addRotateIssuer(rotate, cli);
  addRotateNode(rotate, cli);
}

function addRotateRoot(rotate: Command, cli: Cli): void {
  const command = rotate
    .command("root")
    .description("let the next root key take over, to which the one before has committed");
  addFlags(command, [
    {
      flags: "--stolen",
      text: "the root's key is in other hands: outdo all that was ever signed with it",
    },
    {
      flags: "--forged",
      text: "with --stolen: none of you has signed what the fleet has and this folder does not hold",
    },
    ...rootFlags,
  ]);
  command.addHelpText(
    "after",
    `
Whoever has stolen the root's key, and not the next one beside it, cannot undo this; what he has signed before is outdone with --stolen alone,
which brings back what counted without it. What the fleet has and the folder does not is named first: another copy of the folder may hold it.
With --offline name what the fleet has with --known, or say --forged.
The fleet keeps its id. Bring the folder's other copy up to date.`,
  );
  setAction<RotateRootFlags>(cli, command, async (flags) => {
    const { nextRootStatement } = await import("@pulsemesh/node");
    const [isStolen, isForged] = [flags.stolen === true, flags.forged === true];
    if (isForged && !isStolen)
      throw new PulsemeshError(
        "option-invalid",
        "Cannot use --forged without --stolen: a rotation alone takes the place of nothing.",
      );
    return await signAndHandOver(
      cli,
      flags,
      (asking) => nextRootStatement({ ...asking, change: { rotate: true }, isStolen, isForged }),
      () => [
        `The keys in ${rootDirOf(flags)} are new ones: replace every other copy of that folder by this one.`,
      ],
    );
  });
}

function addRotateIssuer(rotate: Command, cli: Cli): void {
  const command = rotate
    .command("issuer")
    .description("draw a new issuer's key into a node's folder, and have the root name it");
  addFlags(command, [
    issuerDataFlag,
    {
      flags: "--replaces <key>",
      text: "the issuer that ends, where its folder is lost (default the one in --data)",
    },
    {
      flags: "--handover <duration>",
      text: "how long what the old one goes on signing counts: until the fleet has the statement (default 60s, with --offline 7d)",
      parse: durationBetween(60_000, 31 * 86_400_000),
    },
    issuerPassphraseFlag,
    ...rootFlags,
  ]);
  command.addHelpText(
    "after",
    `
It may grant what the one before may, for a year. What that one signed stays, and is renewed by the new one; where its key was stolen,
use 'pulsemesh key void' instead.`,
  );
  setAction<RotateIssuerFlags>(cli, command, async (flags) => {
    const dir = dataFolder(flags.data, cli.terminal.env);
    const { HANDOVER_OFFLINE_S, HANDOVER_S, rotateIssuer } = await import("@pulsemesh/node");
    const issuerPassphrase = issuerPassphraseOf(flags.issuerPassphraseFile);
    const usualS = flags.offline === true ? HANDOVER_OFFLINE_S : HANDOVER_S;
    const handoverS = flags.handover === undefined ? usualS : Math.floor(flags.handover / 1_000);
    return await signAndHandOver(
      cli,
      flags,
      (asking) =>
        rotateIssuer({ ...asking, dir, replaces: flags.replaces, handoverS, issuerPassphrase }),
      ({ issuer, status, issuedS }) => [
        `Issuer ${issuer ?? "?"} is in ${dir}.`,
        takenUpLine(dir, flags.issuerPassphraseFile),
        ...(flags.offline === true
          ? [
              status === "signed"
                ? handoverLine(formatDuration(handoverS * 1_000))
                : finishedLine(issuedS),
            ]
          : []),
      ],
    );
  });
}

function addRotateNode(rotate: Command, cli: Cli): void {
  const command = rotate
    .command("node")
    .description("how to give a node a new key: it becomes another node");
  setAction(cli, command, async () => {
    for (const line of nodeSteps) cli.terminal.say(line);
    return EXIT.usage;
  });
}

const nodeSteps: readonly string[] = [
  "A node is its key: with a new one it is another node, of which nobody knows anything. Nothing was changed. Next, in this order:",
  "  pulsemesh invite                                  where the issuer's key is",
  "  pulsemesh join INVITE --data NEW-FOLDER           an empty folder; 'request' and 'grant sign' where nobody is reached",
  "  pulsemesh run --data NEW-FOLDER …                 with the robots of the old one, once that is stopped",
  "  pulsemesh revoke OLD-NODE --reason 'new key'      where the issuer's key is; the old key never counts again",
];

function handoverLine(within: string): string {
  return `Hand it over within ${within}: what the old issuer renews after that counts no more then, and such members may need an invite.`;
}

/** One that was broken off may have been meant for a node, and its time be over. */
function finishedLine(issuedS: number): string {
  const leftS = issuedS - Math.floor(Date.now() / 1_000);
  if (leftS > 0) return handoverLine(formatAge(leftS * 1_000));
  return `Hand it over at once: what the old issuer has renewed since ${new Date(issuedS * 1_000).toISOString()} counts no more then, and such members may need an invite.`;
}

/** A node that runs takes the key up as soon as it hears of the statement. */
export function takenUpLine(dir: string, passphraseFile: string | undefined): string {
  const where =
    passphraseFile === undefined
      ? ""
      : `, where it was started with --issuer-passphrase-file and this passphrase`;
  return `The node on ${dir} issues with it as soon as it holds the statement${where}; until it runs nobody is let in and no grant is renewed there.`;
}
