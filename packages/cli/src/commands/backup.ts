/**
 * `pulsemesh backup` and `pulsemesh restore`. The store comes from the running node over HTTP, or from the folder when it does not run; the
 * keys are read from the folder in either case, so that whoever takes a backup has the right to, and no key goes over HTTP.
 */
import { type ClientFlags, clientFlags, connect, urlOf } from "../client-flags.ts";
import { PulsemeshError } from "@pulsemesh/core";
import type { BackupSink, NodeFolder } from "@pulsemesh/node/backup";
import type { Command } from "commander";
import { resolve } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { errorCodeOf } from "../failure.ts";
import { addFlags, type Flag } from "../flags.ts";
import { catchInterruption, signalExitCode } from "../interruption.ts";
import { printable, printableJson } from "../printable.ts";
import { dataFolder } from "./run-options.ts";

interface BackupFlags extends ClientFlags {
  readonly data?: string | undefined;
  readonly json?: true | undefined;
  readonly sharedData?: true | undefined;
}

const dataFlag: Flag = {
  flags: "--data <dir>",
  text: "the node's folder (default as for `run`)",
  env: "PULSEMESH_DATA",
};
const jsonFlag: Flag = { flags: "--json", text: "as JSON" };
const toStdout = "-";

/** Adds `backup` and `backup verify` to the program. */
export function addBackupCommand(program: Command, cli: Cli): void {
  const command = program
    .command("backup")
    .argument("<file>", "the file to write, or - for stdout")
    .description("write keys, state and audit log of a node into one file, while it runs or not");
  addFlags(command, [dataFlag, ...clientFlags, jsonFlag]);
  command.addHelpText(
    "after",
    `
The file holds the private keys: whoever has it can be this node. It is made readable by its owner only, and it is a tar file.
  pulsemesh backup /mnt/safe/node.tar          then: pulsemesh backup verify /mnt/safe/node.tar
  pulsemesh backup - | age -r KEY > node.age   encrypted on its way
  pulsemesh restore node.tar --data DIR        on the machine that takes the place of this one`,
  );
  setAction<BackupFlags>(
    cli,
    command,
    async (flags, [file = ""]) => await interruptible((signal) => backup(cli, flags, file, signal)),
  );
  const verify = command
    .command("verify")
    .argument("<file>", "a backup")
    .description("check every byte of a backup; exits 1 and names what is wrong");
  addFlags(verify, [jsonFlag]);
  setAction<BackupFlags>(cli, verify, async ({ json }, [file = ""]) => {
    const { readBackup } = await import("@pulsemesh/node/backup");
    const content = await readBackup(resolve(file));
    report(cli, { file, ...summaryOf(content) }, json, () => [
      `ok: node ${content.manifest.node}, made at ${content.manifest.made_at}, ${content.rows} rows, ${content.files.join(", ")}`,
    ]);
    return EXIT.ok;
  });
}

/** Adds `restore` to the program. */
export function addRestoreCommand(program: Command, cli: Cli): void {
  const command = program
    .command("restore")
    .argument("<file>", "a backup")
    .description("make a node's folder out of a backup");
  addFlags(command, [
    { ...dataFlag, text: "the folder to make; it must be missing or empty (default as for `run`)" },
    {
      flags: "--shared-data",
      text: "leave a folder that is there open to its group; otherwise it is closed to all but its owner",
      env: "PULSEMESH_SHARED_DATA",
    },
    jsonFlag,
  ]);
  setAction<BackupFlags>(
    cli,
    command,
    async (flags, [file = ""]) =>
      await interruptible((signal) => restore(cli, flags, file, signal)),
  );
}

async function restore(
  cli: Cli,
  { data, json, sharedData }: BackupFlags,
  file: string,
  signal: AbortSignal,
): Promise<number> {
  const { restoreBackup } = await import("@pulsemesh/node/backup");
  const dir = dataFolder(data, cli.terminal.env);
  cli.context = { ...cli.context, dataDir: dir };
  const onRemoved = (paths: readonly string[]): void =>
    cli.terminal.say(
      `Removed what a restore that was broken off had left, keys among it: ${printable(paths.join(", "))}`,
    );
  const content = await restoreBackup(resolve(file), dir, { signal, sharedData, onRemoved });
  const { node, made_at: madeAt } = content.manifest;
  report(cli, { file, data: dir, ...summaryOf(content) }, json, () => [
    `restored node ${node} as of ${madeAt} to ${dir}`,
  ]);
  cli.terminal.say(
    `The original must not run any more: two processes with one key stop each other. Next: pulsemesh run --data ${printable(dir)}`,
  );
  return EXIT.ok;
}

/** What is half made holds keys: who interrupts it finds nothing of it. */
async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  using interruption = catchInterruption();
  try {
    return await work(interruption.signal);
  } catch (error) {
    const by = interruption.by();
    if (by === undefined) throw error;
    return signalExitCode(by);
  }
}

async function backup(
  cli: Cli,
  flags: BackupFlags,
  file: string,
  signal: AbortSignal,
): Promise<number> {
  const { openBackupFile, readNodeFolder, writeBackup } = await import("@pulsemesh/node/backup");
  const dir = dataFolder(flags.data, cli.terminal.env);
  const context = { ...cli.context, dataDir: dir };
  cli.context = { ...context, next: "name the folder of a node with --data; its `run` prints it" };
  const folder = readNodeFolder(dir);
  cli.context = context;
  const rows = await rowsOf(cli, flags, folder, signal);
  const unless = (write: BackupSink): BackupSink => {
    return async (bytes) => {
      signal.throwIfAborted();
      await write(bytes);
    };
  };
  const wallMs = Date.now();
  if (file === toStdout) {
    if (cli.terminal.outIsTty) {
      throw new PulsemeshError(
        "option-invalid",
        "Cannot write a backup to the terminal as it is binary and holds private keys; name a file, or pipe it.",
      );
    }
    await writeBackup(folder, rows, unless(cli.terminal.bytes), wallMs);
  } else {
    const draft = await openBackupFile(file);
    try {
      const written = await writeBackup(folder, rows, unless(draft.write), wallMs);
      await draft.finish();
      const { node, fleet } = folder;
      report(cli, { file: resolve(file), node, fleet, ...written }, flags.json, () => [
        `backed up node ${node} to ${file}: ${written.rows} rows, ${written.bytes} bytes`,
      ]);
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }
  const keys = folder.files.has("fleet-root.key")
    ? "the private keys of this node and of the fleet"
    : "the private key of this node";
  cli.terminal.say(`Keep it safe: it holds ${keys}, and whoever has it can be this node.`);
  return EXIT.ok;
}

/** From the node if it runs, else from its folder. */
async function rowsOf(
  cli: Cli,
  flags: BackupFlags,
  folder: NodeFolder,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const client = connect(cli, flags);
  let answering: string | undefined;
  try {
    answering = (await client.peers({ signal })).self.id;
  } catch (error) {
    // Asked for by name it must answer; a node that has just started may not be ready to.
    if (flags.url !== undefined || errorCodeOf(error) !== "node-unreachable") throw error;
  }
  if (answering === folder.node) return await client.backup({ signal });
  if (answering !== undefined && flags.url !== undefined) {
    throw new PulsemeshError(
      "option-invalid",
      `Cannot back up ${folder.dir} as its node is ${folder.node}, and ${answering} answers at ${urlOf(flags)}. Nothing was changed; name the folder and the address of one node with --data and --url.`,
    );
  }
  return rowsAtRest(cli, folder.dir);
}

async function* rowsAtRest(cli: Cli, dir: string): AsyncGenerator<Uint8Array> {
  const { storedRowsOf } = await import("@pulsemesh/node/backup");
  try {
    yield* storedRowsOf(dir);
  } catch (error) {
    const next = "the node of this folder runs: name its address with --url, or stop it first";
    if (errorCodeOf(error) === "store-locked") cli.context = { ...cli.context, next };
    throw error;
  }
}

function summaryOf(content: {
  readonly manifest: { readonly node: string; readonly fleet: string; readonly made_at: string };
  readonly rows: number;
  readonly bytes: number;
}): Readonly<Record<string, string | number>> {
  const { node, fleet, made_at: madeAt } = content.manifest;
  return { node, fleet, made_at: madeAt, rows: content.rows, bytes: content.bytes };
}

function report(
  { terminal }: Cli,
  data: object,
  json: boolean | undefined,
  lines: () => readonly string[],
): void {
  if (json === true) terminal.out(printableJson(data));
  else for (const line of lines()) terminal.out(printable(line));
}
