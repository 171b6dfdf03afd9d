/** `pulsemesh version`. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { packageVersion } from "../version.ts";

/** Adds `version` to the program. */
export function addVersionCommand(program: Command, cli: Cli): void {
  const command = addFlags(program.command("version").description("print the version"), [
    { flags: "--json", text: "as JSON" },
  ]);
  setAction<{ readonly json?: true }>(cli, command, async ({ json }) => {
    const version = packageVersion();
    cli.terminal.out(
      json === true
        ? JSON.stringify({ version, node: process.versions.node, platform: process.platform })
        : version,
    );
    return EXIT.ok;
  });
}
