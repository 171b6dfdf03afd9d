/** `pulsemesh exec ROBOT -- CMD…`: start, run, result. The mesh never breaks the job: what fails there is a warning. */
import type { Command } from "commander";
import { randomUUID } from "node:crypto";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { describeFailure, errorCodeOf } from "../failure.ts";
import { addFlags } from "../flags.ts";
import { runJob } from "./exec-child.ts";
import { parseRobotId } from "./run-robots.ts";

interface ExecFlags extends ClientFlags {
  readonly create?: boolean;
  readonly capture: boolean;
}

/** How long one ping may take: the start is sent while the job already runs, the result while nobody waits for more. */
const pingTimeoutMsDefault = 5_000;

/** Adds `exec` to the program. */
export function addExecCommand(program: Command, cli: Cli): void {
  const command = program
    .command("exec")
    .description("run a job: tell the mesh that it started and how it ended; exits as the job did")
    .argument("<robot>", "the robot that the job is")
    .argument("<command...>", "the job, behind --");
  addFlags(command, [
    ...clientFlags,
    {
      flags: "--create",
      text: "register the robot if the mesh does not know it (every 1d, grace 1h)",
    },
    { flags: "--no-capture", text: "never look at the job's output" },
  ]);
  command.addHelpText(
    "after",
    `
Where stdout and stderr are no terminal, they are passed through and the last 10 kB go with the result; on a terminal the
job gets it untouched and nothing is kept. Signals are passed on. Exit code: the job's own, 128+n when signal n ended it,
127 or 126 when it could not be started. A mesh that cannot be reached is a warning on stderr.

  pulsemesh exec nightly-backup --create -- ./backup.sh --all`,
  );
  setAction<ExecFlags>(cli, command, async (flags, [robotText = "", ...job]) => {
    const robot = parseRobotId(robotText);
    cli.context = { ...cli.context, robot, writes: true };
    return await exec(cli, flags, robot, job);
  });
}

async function exec(
  cli: Cli,
  flags: ExecFlags,
  robot: string,
  job: readonly string[],
): Promise<number> {
  // The job decides when it ends, and its result must be told.
  cli.terminal.outlive();
  const client = connect(cli, { timeout: pingTimeoutMsDefault, ...flags });
  const rid = randomUUID();
  const tell = async (kind: "start" | number, message?: string): Promise<void> => {
    try {
      const create = flags.create === true && kind === "start";
      await client.ping(robot, { kind, rid, message, create });
    } catch (error) {
      warn(cli, error, kind === "start" ? "the start" : "the result");
    }
  };
  const started = tell("start");
  const capture = flags.capture && !cli.terminal.outIsTty && !process.stderr.isTTY;
  const end = await runJob(job, { capture });
  if (end.startError !== undefined) {
    cli.terminal.say(`pulsemesh exec: Cannot start '${job[0] ?? ""}': ${end.startError}`);
  }
  // In order, so that the mesh never sees a run end before it starts.
  await started;
  await tell(end.exitCode, end.startError ?? end.output);
  return end.exitCode;
}

function warn(cli: Cli, error: unknown, what: string): void {
  const next =
    errorCodeOf(error) === "robot-unknown" ? "add --create to register the robot" : undefined;
  const { lines } = describeFailure(error, { ...cli.context, next });
  cli.terminal.say(
    `pulsemesh exec: warning: the mesh did not get ${what} of this run; the job goes on.`,
  );
  for (const line of lines.slice(0, 2)) cli.terminal.say(`  ${line}`);
}
