/** What every command is given: the terminal, and a place to leave its exit code and what it knows for error messages. */
import type { Command } from "commander";
import type { FailureContext } from "./failure.ts";
import { applyEnvironment } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

export interface Cli {
  readonly terminal: Terminal;
  exitCode: number;
  context: FailureContext;
}

/**
 * Makes `work` the action of a command: the environment is applied first, and what it returns is the exit code.
 * @typeParam Options - the command's options after parsing
 */
export function setAction<Options extends object>(
  cli: Cli,
  command: Command,
  work: (options: Options, args: readonly string[]) => Promise<number>,
): void {
  command.action(async () => {
    cli.context = { command: commandPath(command) };
    applyEnvironment(command, cli.terminal.env);
    cli.exitCode = await work(command.opts<Options>(), command.args);
  });
}

/** `pulsemesh state get`. */
export function commandPath(command: Command): string {
  return command.parent === null
    ? command.name()
    : `${commandPath(command.parent)} ${command.name()}`;
}
