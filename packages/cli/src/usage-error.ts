/** Words for what commander refuses: which flag or command, what was probably meant, and where to read on. */
import type { Command, CommanderError } from "commander";
import { commandPath } from "./cli.ts";
import { EXIT } from "./exit-code.ts";
import type { Failure } from "./failure.ts";
import { nearest } from "./nearest.ts";

/** Commander's ways to say that help or version was asked for and shown. */
const shown = new Set(["commander.help", "commander.helpDisplayed", "commander.version"]);

/** The lines and exit code for an error of the parser that happened in `command`. */
export function describeUsageError(error: CommanderError, command: Command): Failure {
  if (shown.has(error.code)) return { lines: [], exit: EXIT.ok };
  const what = error.message.replace(/^error: /, "");
  const given = /'([^']*)'/.exec(what)?.[1]?.split(/[ =]/)[0] ?? "";
  const meant = meantInstead(error.code, given, command);
  const next = `${commandPath(command)} --help`;
  return {
    lines: [
      `${commandPath(command)}: ${what}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
      `Nothing was changed. Next: ${next}`,
    ],
    exit: EXIT.usage,
  };
}

function meantInstead(code: string, given: string, command: Command): string | undefined {
  if (code === "commander.unknownOption") {
    return nearest(given, [...longFlags(command), "--help"]);
  }
  if (code === "commander.unknownCommand") {
    const names = command.commands.map((each) => each.name()).filter((name) => name !== "dev-robot");
    const found = nearest(given, [...names, "help"]);
    return found === undefined ? undefined : `${commandPath(command)} ${found}`;
  }
  return undefined;
}

function longFlags(command: Command): string[] {
  return command.options.map((option) => option.long ?? "").filter((flag) => flag !== "");
}
