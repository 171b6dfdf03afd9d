/** One run of the command line from arguments to exit code; knows no process, so that tests can call it. */
import { Command, CommanderError } from "commander";
import { type Cli, commandPath } from "./cli.ts";
import { addAuditCommand } from "./commands/audit.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addBackupCommand, addRestoreCommand } from "./commands/backup.ts";
import { addDevCommand } from "./commands/dev.ts";
import { addDevRobotCommand } from "./commands/dev-robot.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addExecCommand } from "./commands/exec.ts";
import { addExplainCommand } from "./commands/explain.ts";
import { addGrantCommands } from "./commands/grant.ts";
import { addInitCommand } from "./commands/init.ts";
import { addInviteCommand } from "./commands/invite.ts";
import { addJoinCommand } from "./commands/join.ts";
import { addKeyCommand } from "./commands/key.ts";
import { addLeaveCommand } from "./commands/leave.ts";
import { addNodeCommand } from "./commands/node.ts";
import { addPeersCommand } from "./commands/peers.ts";
import { addPingCommand } from "./commands/ping.ts";
import { addRequestCommand } from "./commands/request.ts";
import { addRobotCommand } from "./commands/robot.ts";
import { addRunCommand } from "./commands/run.ts";
import { addSpoolCommand } from "./commands/spool.ts";
import { addStateCommand } from "./commands/state.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTailCommand } from "./commands/tail.ts";
import { addVerifyVerdictCommand } from "./commands/verify-verdict.ts";
import { addVersionCommand } from "./commands/version.ts";
import { EXIT } from "./exit-code.ts";
import { describeFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";
import { describeUsageError } from "./usage-error.ts";
import { packageVersion } from "./version.ts";

const examples = `
Examples:
  pulsemesh dev                                  a whole mesh on this machine, with robots
  pulsemesh run                                  one node, which makes a fleet; then: pulsemesh invite
  pulsemesh run --join INVITE --http 127.0.0.1:7430 --listen /ip4/127.0.0.1/tcp/7431 --data DIR
  curl -X POST http://127.0.0.1:7420/heartbeat/security_bot
  pulsemesh exec nightly-backup --create -- ./backup.sh
  pulsemesh status -w

Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 unknown, 124 timed out, 130 interrupted.
Every flag that names a variable in [brackets] can be set in the environment; flags win.`;

/**
 * Runs one command.
 * @param argv - the arguments behind the program's name
 * @returns the exit code; never throws
 */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const cli: Cli = { terminal, exitCode: EXIT.ok, context: { command: "pulsemesh" } };
  const program = buildProgram(cli);
  let failing: Command = program;
  for (const command of everyCommand(program)) {
    command.exitOverride((error) => {
      failing = command;
      throw error;
    });
    // Flags are read before the action runs; an error in one must name its command.
    command.hook("preSubcommand", (_parent, next) => {
      cli.context = { command: commandPath(next) };
    });
  }
  try {
    await program.parseAsync(argv.length === 0 ? ["--help"] : argv, { from: "user" });
    return cli.exitCode;
  } catch (error) {
    const failure =
      error instanceof CommanderError
        ? describeUsageError(error, failing, argv)
        : describeFailure(error, cli.context);
    for (const line of failure.lines) terminal.say(line);
    return failure.exit;
  }
}

function buildProgram(cli: Cli): Command {
  const program = new Command("pulsemesh")
    .description("A mesh of sidecars that keeps robots honest: heartbeats, verdicts, shared state.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpCommand("help [command]", "help for a command")
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .addHelpText("after", examples)
    .configureOutput({
      writeOut: (text) => cli.terminal.out(text.trimEnd()),
      // Errors are worded by describeUsageError instead.
      writeErr: () => {},
      getOutHasColors: () => false,
    });
  addDevCommand(program, cli);
  addRunCommand(program, cli);
  addPingCommand(program, cli);
  addExecCommand(program, cli);
  addTailCommand(program, cli);
  addStatusCommand(program, cli);
  addExplainCommand(program, cli);
  addVerifyVerdictCommand(program, cli);
  addRobotCommand(program, cli);
  addSpoolCommand(program, cli);
  addStateCommand(program, cli);
  addPeersCommand(program, cli);
  addNodeCommand(program, cli);
  addInitCommand(program, cli);
  addInviteCommand(program, cli);
  addJoinCommand(program, cli);
  addRequestCommand(program, cli);
  addGrantCommands(program, cli);
  addKeyCommand(program, cli);
  addLeaveCommand(program, cli);
  addAuditCommand(program, cli);
  addConfigCommand(program, cli);
  addBackupCommand(program, cli);
  addRestoreCommand(program, cli);
  addDoctorCommand(program, cli);
  addVersionCommand(program, cli);
  addDevRobotCommand(program, cli);
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap((each) => everyCommand(each))];
}
