/** `pulsemesh init`: makes the authority of a fleet, and this machine's node its first member and issuer. */
import type { Command } from "commander";
import { join, resolve } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { readPassphraseFile } from "../config/passphrase-file.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, type Flag } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { dataFolder, parseName } from "./run-options.ts";

interface InitFlags {
  readonly data?: string;
  readonly root?: string;
  readonly region?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

const initFlags: readonly Flag[] = [
  {
    flags: "--data <dir>",
    text: "the node's folder (default as for `run`)",
    env: "PULSEMESH_DATA",
  },
  {
    flags: "--root <dir>",
    text: "where the root's keys go, to be moved off this machine (default the node's folder and -root)",
  },
  {
    flags: "--region <region>",
    text: "where this node runs (default default)",
    env: "PULSEMESH_REGION",
    parse: parseName,
  },
  {
    flags: "--passphrase-file <file>",
    text: "seal the root's keys with the passphrase in this file",
  },
  { flags: "--json", text: "as JSON" },
];

/** Adds `init` to the program. */
export function addInitCommand(program: Command, cli: Cli): void {
  const command = program
    .command("init")
    .description("make the authority of a new fleet: from then on only who is invited is a member");
  addFlags(command, initFlags);
  command.addHelpText(
    "after",
    `
The root's keys sign who may issue, and are not needed again before that changes: move them to a place that no node reaches, and keep
two copies. The issuer's key stays in the node's folder; that node makes invites and renews memberships.
  pulsemesh init && pulsemesh run        then, on the same machine: pulsemesh invite
Interrupted, it is repeated. An open fleet that was started here is closed by it: then its other nodes need an invite each.`,
  );
  setAction<InitFlags>(cli, command, async (flags) => {
    const dir = dataFolder(flags.data, cli.terminal.env);
    const rootDir = resolve(flags.root ?? `${dir}-root`);
    cli.context = { ...cli.context, dataDir: dir };
    const { passphraseFile: file, region = "default" } = flags;
    const passphrase =
      file === undefined ? undefined : readPassphraseFile(file, "--passphrase-file");
    const { initFleet } = await import("@pulsemesh/node");
    const nowS = Date.now() / 1_000;
    const made = await initFleet({ dir, rootDir, passphrase, region, nowS });
    const { fleet, node, issuer, status } = made;
    if (flags.json === true) {
      const root = status === "present" ? null : rootDir;
      const answer = { fleet, node, issuer: issuer ?? null, data: dir, root, status };
      cli.terminal.out(printableJson(answer));
      return EXIT.ok;
    }
    const { say, out } = cli.terminal;
    out(printable(`fleet ${fleet}`));
    if (status === "present")
      say(
        printable(
          `It was there already; nothing was changed. Its root's keys are where it was made: \`run\` leaves them in ${join(dir, "root")}.`,
        ),
      );
    else
      say(
        printable(
          `The root's keys are in ${rootDir}: move them off this machine. ${passphrase === undefined ? "They are not sealed; see --passphrase-file. " : ""}Next: pulsemesh run --data ${dir}`,
        ),
      );
    return EXIT.ok;
  });
}
