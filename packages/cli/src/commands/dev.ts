/** `pulsemesh dev`: a whole mesh on this machine with robots that do a real job; `--once` plays the story and ends. */
import type { Command } from "commander";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { type Crew, gatherCrew } from "../dev/crew.ts";
import { tryNextLines } from "../dev/dev-view.ts";
import { showMesh } from "../dev/live.ts";
import { type LocalMesh, startLocalMesh } from "../dev/local-mesh.ts";
import { planNodes, planRobots } from "../dev/plan.ts";
import { type SampleFolders, makeSampleFolders } from "../dev/sample-folders.ts";
import { storySteps } from "../dev/story-steps.ts";
import { type PlayedStep, playStory, stepLine } from "../dev/story.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags, wholeBetween } from "../flags.ts";
import { type Interruption, catchInterruption } from "../interruption.ts";
import { dieWithParent } from "../parent-watch.ts";
import { PulsemeshError } from "@pulsemesh/core";

interface DevFlags {
  readonly nodes?: number;
  readonly httpBase?: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

const nodesDefault = 3;
const nodesForStory = 3;
const httpBaseDefault = 7_420;
const storyTimeoutMs = 40_000;
const logLinesShown = 12;

/** Adds `dev` to the program. */
export function addDevCommand(program: Command, cli: Cli): void {
  const command = program
    .command("dev")
    .description(
      "a whole mesh on this machine: nodes in two regions and three robots with a real job",
    );
  addFlags(command, [
    {
      flags: "--nodes <n>",
      text: `how many nodes, 1 to 16 (default ${nodesDefault})`,
      parse: wholeBetween(1, 16),
    },
    {
      flags: "--http-base <port>",
      text: `first HTTP port; taken ones are passed over (default ${httpBaseDefault})`,
      parse: wholeBetween(1_024, 65_000),
    },
    {
      flags: "--once",
      text: "play the story unattended and exit: 0, or 1 with the step that failed",
    },
    { flags: "--json", text: "with --once: each step as a line of JSON" },
  ]);
  command.addHelpText(
    "after",
    `
Everything listens on 127.0.0.1 only and lives in one temporary folder, which is removed at the end. Ctrl-C stops it all;
a second Ctrl-C stops it at once. A node that you kill is started again after 20s. Only who is invited is a member: the first node
makes the invites, as \`pulsemesh invite\` does.`,
  );
  setAction<DevFlags>(cli, command, async (flags) => {
    if (flags.once === true && (flags.nodes ?? nodesDefault) < nodesForStory) {
      throw new PulsemeshError(
        "option-invalid",
        `Cannot play the story with --nodes ${flags.nodes} as it needs ${nodesForStory}: one is killed and the others must be a majority.`,
      );
    }
    return await dev(cli, flags);
  });
}

async function dev(cli: Cli, flags: DevFlags): Promise<number> {
  cli.terminal.outlive();
  const crew = gatherCrew();
  using interruption = catchInterruption(() => crew.closeAtOnce());
  dieWithParent(cli.terminal.env);
  let code: number;
  try {
    code = await playOrShow(cli, flags, crew, interruption);
  } finally {
    // After the story nobody is left who would like to hear goodbye.
    await crew.close(flags.once === true ? 0 : undefined);
  }
  if (interruption.by() !== undefined) {
    cli.terminal.say("Stopped. No process and no folder is left.");
    return interruption.by() === "SIGINT" ? EXIT.interrupted : EXIT.ok;
  }
  return code;
}

async function playOrShow(
  cli: Cli,
  flags: DevFlags,
  crew: Crew,
  interruption: Interruption,
): Promise<number> {
  const startMs = performance.now();
  const folders = await makeSampleFolders(join(crew.folder, "work"), Date.now());
  const plans = await planNodes(
    flags.nodes ?? nodesDefault,
    flags.httpBase ?? httpBaseDefault,
    crew.folder,
    planRobots(folders),
  );
  if (flags.json !== true) {
    const names = plans.map(({ name }) => name).join(", ");
    cli.terminal.out(`Starting ${plans.length} nodes (${names}) and 3 robots in ${crew.folder}`);
  }
  const { signal } = interruption;
  if (flags.once === true)
    return await playOnce(cli, flags, { crew, folders, plans, signal, startMs });
  try {
    const mesh = await startLocalMesh(crew, plans, signal);
    if (signal.aborted) return EXIT.interrupted;
    for (const line of tryNextLines(mesh, folders)) cli.terminal.out(line);
    await showMesh(cli.terminal, mesh, signal);
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    sayLogs(cli, crew, plans);
    throw error;
  }
  return EXIT.interrupted;
}

interface Stage {
  readonly crew: Crew;
  readonly folders: SampleFolders;
  readonly plans: Awaited<ReturnType<typeof planNodes>>;
  readonly signal: AbortSignal;
  readonly startMs: number;
}

async function playOnce(cli: Cli, flags: DevFlags, stage: Stage): Promise<number> {
  const { crew, folders, plans, startMs } = stage;
  const signal = AbortSignal.any([stage.signal, AbortSignal.timeout(storyTimeoutMs)]);
  const onStep = (step: PlayedStep): void =>
    cli.terminal.out(flags.json === true ? JSON.stringify(step) : stepLine(step));
  const options = { now: () => performance.now(), signal, onStep };
  let mesh: LocalMesh | undefined;
  const start = {
    name: `${plans.length} nodes and 3 robots are started`,
    play: async () => {
      mesh = await startLocalMesh(crew, plans, signal);
      return { note: mesh.nodes.map(({ url }) => url).join(" ") };
    },
  };
  const opening = await playStory([start], { ...options, onStep: () => {} });
  const first = opening[0];
  if (first === undefined) return EXIT.no;
  const rest = mesh === undefined ? [] : storySteps(crew, mesh, folders);
  onStep({ ...first, of: rest.length + 1 });
  const played = first.ok ? await playStory(rest, { ...options, playedBefore: 1 }) : [];
  const failed = [first, ...played].find(({ ok }) => !ok);
  sayEnd(cli, flags, failed, Math.round(performance.now() - startMs));
  if (failed !== undefined && !stage.signal.aborted) sayLogs(cli, crew, plans);
  return failed === undefined ? EXIT.ok : EXIT.no;
}

function sayEnd(cli: Cli, flags: DevFlags, failed: PlayedStep | undefined, ms: number): void {
  if (flags.json === true) {
    cli.terminal.out(
      JSON.stringify({ story: failed === undefined ? "ok" : "failed", failed: failed?.name, ms }),
    );
    return;
  }
  cli.terminal.out(
    failed === undefined
      ? `The story holds: all steps in ${ms} ms.`
      : `The story failed at step ${failed.step}, '${failed.name}', after ${ms} ms: ${failed.error}`,
  );
}

/** The folder is about to go, so what the nodes said last is shown here. */
function sayLogs(cli: Cli, crew: Crew, plans: Stage["plans"]): void {
  for (const { name } of plans) {
    const lines = readLog(crew.logFile(name)).trimEnd().split("\n").slice(-logLinesShown);
    cli.terminal.say(`--- last lines of ${name}`);
    for (const line of lines) cli.terminal.say(`    ${line}`);
  }
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "(no log)";
  }
}
