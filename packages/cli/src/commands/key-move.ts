/** `pulsemesh key move-root`, `seal-root` and `seal-issuer`: the root's keys leave the machine of a node, and keys are sealed (rule ME6). */
import { PulsemeshError } from "@pulsemesh/core";
import type { MovedRoot } from "@pulsemesh/node";
import type { Command } from "commander";
import { resolve } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { readPassphraseFile } from "../config/passphrase-file.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, type Flag } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { rootDirOf } from "./root-asking.ts";
import { dataFolder } from "./run-options.ts";

interface MoveFlags {
  readonly data?: string;
  readonly root?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

const jsonFlag: Flag = { flags: "--json", text: "as JSON" };

/** Adds `move-root`, `seal-root` and `seal-issuer` to `key`. */
export function addMoveCommands(key: Command, cli: Cli): void {
  addMove(key, cli);
  addSeal(key, cli);
  addSealIssuer(key, cli);
}

function addMove(key: Command, cli: Cli): void {
  const command = key
    .command("move-root")
    .argument("<dir>", "where they go: an empty folder, or one that is not there yet")
    .description("move the root's keys out of a node's folder, where `run` leaves them");
  addFlags(command, [
    {
      flags: "--data <dir>",
      text: "the node's folder, which they leave (default as for `run`)",
      env: "PULSEMESH_DATA",
    },
    {
      flags: "--root <dir>",
      text: "where they are (default the folder root of the node's folder)",
    },
    {
      flags: "--passphrase-file <file>",
      text: "seal them there with the passphrase in this file, or open them if they are sealed",
    },
    jsonFlag,
  ]);
  command.addHelpText(
    "after",
    `
They are copied, read back, and only then removed here; interrupted, it is repeated. The node may be running.
  pulsemesh key move-root /media/stick/root --data DIR --passphrase-file FILE`,
  );
  setAction<MoveFlags>(cli, command, async (flags, [target = ""]) => {
    const dir = dataFolder(flags.data, cli.terminal.env);
    cli.context = { ...cli.context, dataDir: dir, next: undefined };
    const passphrase = passphraseOf(flags);
    const { moveRoot } = await import("@pulsemesh/node");
    const moved = await moveRoot({
      dataDir: dir,
      rootDir: flags.root === undefined ? undefined : resolve(flags.root),
      to: resolve(target),
      passphrase,
    });
    report(cli, flags, moved);
    return EXIT.ok;
  });
}

function addSeal(key: Command, cli: Cli): void {
  const command = key
    .command("seal-root")
    .description("seal the root's keys in their folder with a passphrase");
  addFlags(command, [
    { flags: "--root <dir>", text: "where the root's keys are" },
    { flags: "--passphrase-file <file>", text: "the passphrase that is to seal them, in a file" },
    jsonFlag,
  ]);
  setAction<MoveFlags>(cli, command, async (flags) => {
    const rootDir = rootDirOf(flags);
    const passphrase = neededPassphrase(flags);
    const { sealRoot } = await import("@pulsemesh/node");
    report(cli, flags, await sealRoot({ rootDir, passphrase }));
    return EXIT.ok;
  });
}

function addSealIssuer(key: Command, cli: Cli): void {
  const command = key
    .command("seal-issuer")
    .description("seal the issuer's key in its node's folder with a passphrase");
  addFlags(command, [
    {
      flags: "--data <dir>",
      text: "the folder of the node that issues (default as for `run`)",
      env: "PULSEMESH_DATA",
    },
    { flags: "--passphrase-file <file>", text: "the passphrase that is to seal it, in a file" },
    jsonFlag,
  ]);
  command.addHelpText(
    "after",
    `
Whoever has a copy of the folder then has no issuer's key, as long as the passphrase is kept elsewhere. The node may be running; it does
not start again without 'run --issuer-passphrase-file FILE'. Interrupted, it is repeated.
  pulsemesh key seal-issuer --data DIR --passphrase-file FILE`,
  );
  setAction<MoveFlags>(cli, command, async (flags) => {
    const dir = dataFolder(flags.data, cli.terminal.env);
    cli.context = { ...cli.context, dataDir: dir };
    const passphrase = neededPassphrase(flags);
    const { sealIssuer } = await import("@pulsemesh/node");
    const { status, issuer } = await sealIssuer({ dir, passphrase });
    const { out, say } = cli.terminal;
    if (flags.json === true) {
      out(printableJson({ status, issuer, data: dir, sealed: true }));
      return EXIT.ok;
    }
    out(printable(`issuer ${issuer} ${dir}`));
    if (status === "present") say("It was sealed already; nothing was changed.");
    say(
      printable(
        `Next: start its node with --issuer-passphrase-file ${flags.passphraseFile ?? "FILE"}, and keep that file where no copy of ${dir} takes it along. Backups of before hold the key as it was.`,
      ),
    );
    return EXIT.ok;
  });
}

/** @throws PulsemeshError `option-invalid` without one */
function neededPassphrase(flags: MoveFlags): string {
  const passphrase = passphraseOf(flags);
  if (passphrase !== undefined) return passphrase;
  throw new PulsemeshError(
    "option-invalid",
    "Cannot seal without a passphrase: name a file that holds one, with --passphrase-file FILE.",
  );
}

function passphraseOf({ passphraseFile: file }: MoveFlags): string | undefined {
  return file === undefined ? undefined : readPassphraseFile(file, "--passphrase-file");
}

function report({ terminal: { out, say } }: Cli, { json }: MoveFlags, moved: MovedRoot): void {
  const { status, fleet, rootDir, isSealed, left } = moved;
  if (json === true) {
    out(printableJson({ status, fleet, root: rootDir, sealed: isSealed, left }));
    return;
  }
  out(printable(`root of fleet ${fleet} ${rootDir}`));
  if (status === "present") say("It was so already; nothing was changed.");
  if (left.length > 0)
    say(printable(`What is no key of the root stays where it was: ${left.join(", ")}.`));
  if (!isSealed)
    say(
      printable(
        `Not sealed. Next: pulsemesh key seal-root --root ${rootDir} --passphrase-file FILE`,
      ),
    );
  say(
    printable(
      `Next: take ${rootDir} to where no node reaches, and keep a second copy elsewhere. 'pulsemesh key rotate' and 'key void' take it with --root${isSealed ? " and the passphrase with --passphrase-file" : ""}.`,
    ),
  );
}
