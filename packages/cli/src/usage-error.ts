/** Words for what commander refuses: which flag or command, what was probably meant, and where to read on. */
import type { Command, CommanderError } from "commander";
import { commandPath } from "./cli.ts";
import { EXIT } from "./exit-code.ts";
import type { Failure } from "./failure.ts";
import { nearest } from "./nearest.ts";

/** Commander's ways to say that help or version was asked for and shown. */
const shown = new Set(["commander.helpDisplayed", "commander.version"]);

/** The lines and exit code for an error of the parser that happened in `command`. */
export function describeUsageError(
  error: CommanderError,
  command: Command,
  argv: readonly string[] = [],
): Failure {
  if (shown.has(error.code) || error.exitCode === 0) return { lines: [], exit: EXIT.ok };
  if (error.code === "commander.help") {
    const [first = "", asked = ""] = argv;
    if (first === "help" && asked !== "") return describeUnknownHelp(asked, command);
    return { lines: [command.helpInformation().trimEnd()], exit: EXIT.usage };
  }
  const what = error.message.replace(/^error: /, "").replace(/\.$/, "");
  const given = /'([^']*)'/.exec(what)?.[1]?.split(/[ =]/)[0] ?? "";
  const meant = meantInstead(error.code, given, command);
  const behindDashes = command.name() === "exec" && error.code === "commander.unknownOption";
  const next = behindDashes
    ? `put the job and its flags behind --: ${commandPath(command)} ROBOT -- CMD ARGS`
    : `${commandPath(command)} --help`;
  return {
    lines: [
      `${commandPath(command)}: ${what}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
      `Nothing was changed. Next: ${next}`,
    ],
    exit: EXIT.usage,
  };
}

/** `help` for a command that there is not; commander shows the general help and says nothing. */
function describeUnknownHelp(asked: string, program: Command): Failure {
  const meant = meantInstead("commander.unknownCommand", asked, program);
  return {
    lines: [
      `${commandPath(program)} help: unknown command '${asked}'.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
      `Nothing was changed. Next: ${commandPath(program)} help`,
    ],
    exit: EXIT.usage,
  };
}

function meantInstead(code: string, given: string, command: Command): string | undefined {
  if (code === "commander.unknownOption") {
    return (
      nearest(given, [...longFlags(command), "--help"]) ?? flagOfSubcommand(given, command.commands)
    );
  }
  if (code === "commander.unknownCommand") {
    const names = command.commands
      .map((each) => each.name())
      .filter((name) => name !== "dev-robot");
    const found = nearest(given, [...names, "help"]);
    return found === undefined ? undefined : `${commandPath(command)} ${found}`;
  }
  return undefined;
}

/** A flag in front of the command that it belongs to, or without any: `pulsemesh --listen …`. */
function flagOfSubcommand(given: string, commands: readonly Command[]): string | undefined {
  const owners = new Map<string, Command>();
  for (const command of commands) {
    for (const flag of longFlags(command)) if (!owners.has(flag)) owners.set(flag, command);
  }
  const found = nearest(given, owners.keys());
  const owner = owners.get(found ?? "");
  return owner === undefined ? undefined : `${commandPath(owner)} ${found}`;
}

function longFlags(command: Command): string[] {
  return command.options.map((option) => option.long ?? "").filter((flag) => flag !== "");
}
