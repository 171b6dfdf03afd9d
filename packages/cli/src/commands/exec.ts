/** `pulsemesh exec ROBOT -- CMD…`: start, run, result. The mesh never breaks the job: what fails there is a warning. */
import type { Command } from "commander";
import { randomUUID } from "node:crypto";
import { type Cli, setAction } from "../cli.ts";
import {
  courierOf,
  cutMessage,
  type DeliveryFlags,
  deliveryFlags,
  sayDelivery,
} from "../delivery-flags.ts";
import { EXIT } from "../exit-code.ts";
import { describeFailure } from "../failure.ts";
import { addFlags } from "../flags.ts";
import { catchInterruption } from "../interruption.ts";
import { type Courier, deliver } from "../spool/deliver.ts";
import { forwardClock } from "../spool/forward-clock.ts";
import { runJob } from "./exec-child.ts";
import { parseRobotId } from "./run-robots.ts";

interface ExecFlags extends DeliveryFlags {
  readonly create?: boolean;
  readonly capture: boolean;
}

/** Adds `exec` to the program. */
export function addExecCommand(program: Command, cli: Cli): void {
  const command = program
    .command("exec")
    .description("run a job: tell the mesh that it started and how it ended; exits as the job did")
    .argument("<robot>", "the robot that the job is")
    .argument("<command...>", "the job, behind --");
  addFlags(command, [
    ...deliveryFlags,
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
127 or 126 when it could not be started. A mesh that cannot be reached is a warning on stderr: start and result are kept in the
spool with their own times, and go out with the next ping, exec or tail. With --strict a job that ended with 0 then exits 3.

  pulsemesh exec nightly-backup --create -- ./backup.sh --all`,
  );
  setAction<ExecFlags>(cli, command, async (flags, [robotText = "", ...job]) => {
    const robot = parseRobotId(robotText);
    cli.context = { ...cli.context, robot, writes: true };
    return await exec(cli, flags, robot, job);
  });
}

/** Undefined where a file of the flags cannot be read, as when somebody moved the token: no reason for a job not to run. */
function courierOrNone(cli: Cli, flags: ExecFlags): Courier | undefined {
  try {
    return { ...courierOf(cli, flags), wallMs: forwardClock() };
  } catch (error) {
    const { terminal, context } = cli;
    terminal.say(`${context.command}: warning: the mesh hears nothing of this run.`);
    for (const line of describeFailure(error, context).lines) terminal.say(`  ${line}`);
    return undefined;
  }
}

async function exec(
  cli: Cli,
  flags: ExecFlags,
  robot: string,
  job: readonly string[],
): Promise<number> {
  // The job decides when it ends, and its result must be told.
  cli.terminal.outlive();
  const courier = courierOrNone(cli, flags);
  const rid = randomUUID();
  const over = new AbortController();
  const tell = async (kind: "start" | number, text?: string): Promise<boolean> => {
    if (courier === undefined) return false;
    const { create } = flags;
    const message = text === undefined ? undefined : cutMessage(text);
    const delivery = await deliver(courier, { robot, kind, rid, message, create }, over.signal);
    const what = kind === "start" ? "the start" : "the result";
    sayDelivery(cli, delivery, `${what} of this run`);
    return delivery.outcome === "taken";
  };
  const started = tell("start");
  const capture = flags.capture && !cli.terminal.outIsTty && !process.stderr.isTTY;
  const end = await runJob(job, { capture });
  if (end.startError !== undefined) {
    cli.terminal.say(`pulsemesh exec: Cannot start '${job[0] ?? ""}': ${end.startError}`);
  }
  // The job is over, so a signal is for us now: it ends the trying, and what was not told is kept.
  using interruption = catchInterruption();
  interruption.signal.addEventListener("abort", () => over.abort());
  // In order, so that the mesh never sees a run end before it starts.
  await started;
  const isTold = await tell(end.exitCode, end.startError ?? end.output);
  return flags.strict === true && end.exitCode === 0 && !isTold ? EXIT.unknown : end.exitCode;
}
