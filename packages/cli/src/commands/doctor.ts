/** `pulsemesh doctor`: what is wrong with the node on this machine or its surroundings, and what to do about each. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect, urlOf } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { checkClock, checkNode, checkPeers } from "./doctor-mesh.ts";
import { checkDataFolder, checkDisk, checkNodeVersion } from "./doctor-machine.ts";
import { checkAudit, checkStore } from "./doctor-store.ts";
import type { Finding } from "./doctor-finding.ts";
import { dataFolder } from "./run-options.ts";
import { printable, printableJson } from "../printable.ts";

interface DoctorFlags extends ClientFlags {
  readonly json?: boolean;
  readonly data?: string;
}

const shapes: Readonly<Record<Finding["result"], string>> = { ok: "✔", warn: "!", fail: "✘" };
const styles: Readonly<Record<Finding["result"], string>> = { ok: "32", warn: "33", fail: "31" };

/** Adds `doctor` to the program. */
export function addDoctorCommand(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .description(
      "check node, clock, disk, peers, store and files; each line ok, warn or fail with what to do",
    );
  addFlags(command, [
    ...clientFlags,
    { flags: "--data <dir>", text: "the node's data folder", env: "PULSEMESH_DATA" },
    { flags: "--json", text: "as JSON" },
  ]);
  setAction<DoctorFlags>(cli, command, async (flags) => {
    const client = connect(cli, flags);
    const url = urlOf(flags);
    const folder = dataFolder(flags.data, cli.terminal.env);
    const findings = [
      checkNodeVersion(process.versions.node),
      ...(await checkNode(client, url)),
      await checkClock(url),
      ...(await checkPeers(client)),
      ...(await checkStore(client)),
      ...(await checkAudit(client)),
      ...(await checkDataFolder(folder)),
      ...(await checkDisk(folder)),
    ].filter((finding) => finding !== undefined);
    show(cli, flags, findings);
    return findings.some(({ result }) => result === "fail") ? EXIT.no : EXIT.ok;
  });
}

function show({ terminal }: Cli, flags: DoctorFlags, findings: readonly Finding[]): void {
  if (flags.json === true) {
    terminal.out(printableJson({ findings }));
    return;
  }
  for (const { check, result, detail, next } of findings) {
    const word = `${shapes[result]} ${result.padEnd(4)}`;
    const painted = terminal.color ? `\u001B[${styles[result]}m${word}\u001B[0m` : word;
    terminal.out(`${painted}  ${check.padEnd(12)} ${printable(detail)}`);
    if (next !== undefined) terminal.out(`         Next: ${printable(next)}`);
  }
}
