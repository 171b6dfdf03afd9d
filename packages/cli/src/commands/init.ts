/** `pulsemesh init`: makes the authority of a fleet, and this machine's node its first member and issuer. */
import type { Command } from "commander";
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { readPassphraseFile } from "../config/passphrase-file.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, type Flag } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { sharedDataFlag } from "./join.ts";
import { dataFolder, parseName } from "./run-options.ts";

interface InitFlags {
  readonly data?: string;
  readonly root?: string;
  readonly sharedData?: boolean;
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
    text: "where the root's keys go, to be moved off this machine (default the node's folder and -root); one folder is made, not several",
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
  sharedDataFlag,
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
    const { passphraseFile: file, region = "default", sharedData } = flags;
    const passphrase =
      file === undefined ? undefined : readPassphraseFile(file, "--passphrase-file");
    const { initFleet, rootFolderAmong } = await import("@pulsemesh/node");
    const nowS = Date.now() / 1_000;
    const made = await initFleet({ dir, rootDir, sharedData, passphrase, region, nowS });
    const { fleet, node, issuer, status } = made;
    const isOld = status === "present";
    const root = isOld ? rootFolderAmong([rootDir, join(dir, "root"), dir], fleet) : rootDir;
    if (flags.json === true) {
      const answer = { fleet, node, issuer: issuer ?? null, data: dir, root: root ?? null, status };
      cli.terminal.out(printableJson(answer));
      return EXIT.ok;
    }
    const { say, out } = cli.terminal;
    out(printable(`fleet ${fleet}`));
    const places = { dir, rootDir, root };
    if (isOld) say(printable(`It was there already; nothing was changed. ${whereKept(places)}`));
    else {
      const open = passphrase === undefined ? "They are not sealed; see --passphrase-file. " : "";
      const shared = sharedData === true ? " --shared-data" : "";
      const next = `Next: pulsemesh run --data ${dir}${shared}`;
      say(printable(`The root's keys are in ${wherePut(places)} ${open}${next}`));
    }
    return EXIT.ok;
  });
}

interface Places {
  readonly dir: string;
  /** As it was named. */
  readonly rootDir: string;
  /** Where the keys are, as far as that is known. */
  readonly root: string | undefined;
}

/** Whoever takes them for being on a stick is to read that they are not. */
function wherePut({ dir, rootDir }: Places): string {
  if (isIn(dir, rootDir))
    return `${rootDir}, in the node's folder, with every copy of it (but in no \`pulsemesh backup\`): move them off this machine.`;
  const isSameDisk = statSync(rootDir).dev === statSync(dir).dev;
  return `${rootDir}${isSameDisk ? ", on the same disk as the node's folder" : ""}: move them off this machine.`;
}

/** Nothing says where they went; what can be seen is whether they are where one would look. */
function whereKept({ dir, rootDir, root }: Places): string {
  if (root === undefined)
    return `Its root's keys are not in ${rootDir}: they are where they were put when it was made, or moved to since.`;
  const move = `pulsemesh key move-root DIR --data ${dir} --passphrase-file FILE`;
  const next = isIn(dir, root) ? ` Next: ${move}   moves them off this machine` : "";
  return `Its root's keys are in ${root}.${next}`;
}

function isIn(dir: string, path: string): boolean {
  return path === dir || path.startsWith(join(dir, "/"));
}
