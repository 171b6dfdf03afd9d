/** Hidden commands that `dev` starts as processes of their own: an example robot, and the janitor. */
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { runJanitor } from "../dev/janitor.ts";
import { type MeshReporter, type Report, meshReporter } from "../dev/robots/mesh-reporter.ts";
import { permissionCheckRound } from "../dev/robots/permission-check.ts";
import { replicaFreshnessRound } from "../dev/robots/replica-freshness.ts";
import { runRobotLoop } from "../dev/robots/robot-loop.ts";
import { secretScannerRound } from "../dev/robots/secret-scanner.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, durationBetween, oneOf } from "../flags.ts";
import { catchInterruption } from "../interruption.ts";
import { dieWithParent } from "../parent-watch.ts";

interface RobotFlags {
  readonly url: string;
  readonly every: number;
  readonly folder: string;
  readonly primary?: string;
}

const rounds: Readonly<Record<string, (flags: RobotFlags, mesh: MeshReporter) => Promise<Report>>> =
  {
    "secret-scanner": ({ folder }, mesh) => secretScannerRound(folder, mesh),
    "permission-check": ({ folder }) => permissionCheckRound(folder),
    "replica-freshness": ({ folder, primary }) => replicaFreshnessRound(primary ?? "", folder),
  };

/** Adds `dev-robot` and `dev-janitor`, which no help lists. */
export function addDevRobotCommand(program: Command, cli: Cli): void {
  const robot = program.command("dev-robot", { hidden: true }).argument("<robot>");
  addFlags(robot, [
    { flags: "--url <url>", text: "the node" },
    { flags: "--every <duration>", text: "between rounds", parse: durationBetween(100, 3_600_000) },
    { flags: "--folder <dir>", text: "what to look at" },
    { flags: "--primary <dir>", text: "what to compare it with" },
  ]);
  setAction<RobotFlags>(cli, robot, async (flags, [name = ""]) => {
    const round = rounds[oneOf(Object.keys(rounds))(name, "robot")];
    if (round === undefined) return EXIT.usage;
    using interruption = catchInterruption();
    cli.terminal.outlive();
    dieWithParent(cli.terminal.env);
    const mesh = meshReporter(flags.url, name);
    const { signal } = interruption;
    await runRobotLoop(mesh, () => round(flags, mesh), {
      everyMs: flags.every,
      signal,
      say: cli.terminal.say,
    });
    return EXIT.ok;
  });
  const janitor = program.command("dev-janitor", { hidden: true }).argument("<folder>");
  setAction(cli, janitor, async (_flags, [folder = ""]) => {
    await runJanitor(folder);
    return EXIT.ok;
  });
}
