/** Entry of the command line, called by `bin/pulsemesh.js`. */
import { runCommandLine } from "./command-line.ts";
import { processTerminal } from "./terminal.ts";

/**
 * Runs the command line of this process.
 * @param argv - the arguments behind the program's name
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  return await runCommandLine(argv, processTerminal());
}
