/** `pulsemesh status [ROBOT] [-w] [--json]`: the mesh's verdicts, and what robots say of themselves. */
import type { AskedJson, PulsemeshClient, RobotJson } from "@pulsemesh/client";
import { PulsemeshError } from "@pulsemesh/core";
import type { Command } from "commander";
import { setTimeout as wait } from "node:timers/promises";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { formatAge, formatDuration } from "../duration.ts";
import { EXIT } from "../exit-code.ts";
import { describeFailure, isAway } from "../failure.ts";
import { addFlags } from "../flags.ts";
import { catchInterruption } from "../interruption.ts";
import { liveRegion } from "../live-region.ts";
import { outageLines, outageLook, outagesBehind } from "../outage-line.ts";
import { regularityLine } from "../regularity-line.ts";
import { everyText, robotTable, witnessText } from "../status-table.ts";
import { statusExitCode, statusWord } from "../status-word.ts";
import { parseRobotId } from "./run-robots.ts";
import { printable, printableJson } from "../printable.ts";

interface StatusFlags extends ClientFlags {
  readonly ask?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const redrawMs = 1_000;

/** Adds `status` to the program. */
export function addStatusCommand(program: Command, cli: Cli): void {
  const command = program
    .command("status")
    .description("what the mesh says of its robots")
    .argument(
      "[robot]",
      "one robot; exits 0 for up, late, new and paused, 1 for down and left, 3 for unknown",
    );
  addFlags(command, [
    ...clientFlags,
    {
      flags: "-w, --watch",
      text: "go on: drawn in place on a terminal, else a line for each change",
    },
    { flags: "--json", text: "as JSON; with --watch one object a line" },
    {
      flags: "--ask",
      text: "one robot: ask its home first, where the node asked does not hear that itself",
    },
  ]);
  setAction<StatusFlags>(cli, command, async (flags, [robotText]) => {
    const robot = robotText === undefined ? undefined : parseRobotId(robotText);
    cli.context = { ...cli.context, robot };
    if (flags.ask === true && (robot === undefined || flags.watch === true))
      throw new PulsemeshError(
        "option-invalid",
        "Cannot use --ask without a robot, or with --watch. Name one robot: pulsemesh status ROBOT --ask",
      );
    const client = connect(cli, flags);
    if (flags.watch === true) return await watch(cli, flags, client, robot);
    const robots =
      robot === undefined ? await client.robots() : [await client.robot(robot, { ask: flags.ask })];
    const [one] = robot === undefined ? [] : robots;
    for (const line of flags.json === true
      ? [printableJson(one ?? { robots })]
      : [
          ...(one === undefined ? robotTable(robots, cli.terminal.color) : robotLines(one)),
          ...outageLines(await outagesBehind(client, robots), Date.now()),
        ])
      cli.terminal.out(line);
    return one === undefined ? EXIT.ok : statusExitCode(one.status);
  });
}

/** One robot in full. */
function robotLines(robot: RobotJson): string[] {
  const { state, labels } = robot;
  const reason = robot.reason === null ? "" : `, ${robot.reason}`;
  return [
    `${robot.robot_id}  ${statusWord(robot.status)} since ${robot.since}${reason}`,
    `  health     ${robot.health}`,
    `  last beat  ${lastBeatText(robot)}, every ${everyText(robot.schedule)}`,
    `  regular    ${regularityLine(robot.regularity, Date.now())}`,
    `  home       ${robot.node ?? "-"}, region ${robot.region ?? "-"}, seen up by ${witnessText(robot.witnesses)} witnesses`,
    ...(Object.keys(labels).length === 0 ? [] : [`  labels     ${printableJson(labels)}`]),
    ...(robot.asked === undefined ? [] : [`  asked      ${askedText(robot.asked, robot)}`]),
    `  state      ${printableJson(state)}`,
  ].map((line) => printable(line));
}

/** Why the node asked nobody, in its words; an earlier release does not say. */
const NOT_ASKED: Readonly<Record<string, string>> = {
  "no-home": "no home of it is known",
  "no-member": "its home is no member",
  self: "the node is its home",
  heard: "the node hears the home itself",
  unheard: "the node would hear the home itself, and hears nothing of it now",
};

/** Whom the node asked, and what came of it. */
function askedText(
  asked: NonNullable<RobotJson["asked"]>,
  { node_id: home, not_asked: said }: RobotJson,
): string {
  if (asked.length === 0) {
    const why = said ?? (home === null ? "no-home" : "");
    return Object.hasOwn(NOT_ASKED, why) ? `nobody: ${NOT_ASKED[why]}` : "nobody";
  }
  return asked
    .map((one) =>
      one.outcome === "busy"
        ? `nobody: too many are being asked, ${one.node ?? one.node_id} was not`
        : `${one.node ?? one.node_id}, ${outcomeText(one)} ${formatDuration(one.waited_ms)}`,
    )
    .join("; ");
}

/** A release that does not say whether there was a connection says only that there was no answer. */
function outcomeText({ outcome, connected }: AskedJson): string {
  if (outcome === "answered") return "answered after";
  if (outcome !== "silent") return `${outcome} after`;
  if (connected === undefined) return "no answer in";
  return connected ? "connected, no answer in" : "no connection in";
}

function lastBeatText({ last_check: at, age_ms: ageMs }: RobotJson): string {
  return at === null ? "none yet" : `${at} (${formatAge(ageMs)} ago)`;
}

async function watch(
  cli: Cli,
  flags: StatusFlags,
  client: PulsemeshClient,
  robot: string | undefined,
): Promise<number> {
  using interruption = catchInterruption();
  const { signal } = interruption;
  const show = flags.json === true || !cli.terminal.outIsTty ? lineShow(cli, flags) : liveShow(cli);
  const look = outageLook(client);
  while (!signal.aborted) {
    try {
      const robots = robot === undefined ? await client.robots() : [await client.robot(robot)];
      // As JSON a line is a robot, and nothing else.
      const outages = flags.json === true ? [] : await look(robots);
      show.robots(robots, outageLines(outages, Date.now()));
    } catch (error) {
      if (!isAway(error)) throw error;
      show.trouble(describeFailure(error, cli.context).lines[0] ?? "");
    }
    await wait(redrawMs, undefined, { signal }).catch(() => {});
  }
  show.end();
  return EXIT.interrupted;
}

interface Show {
  robots(robots: readonly RobotJson[], outages: readonly string[]): void;
  trouble(line: string): void;
  end(): void;
}

function liveShow({ terminal }: Cli): Show {
  const region = liveRegion(terminal);
  let last: string[] = [];
  return {
    robots: (robots, outages) => {
      last = [...robotTable(robots, terminal.color), ...outages];
      region.draw(last);
    },
    trouble: (line) => region.draw([...last, "", `${line} Trying again; the table is old.`]),
    end: () => region.end(),
  };
}

function lineShow({ terminal }: Cli, flags: StatusFlags): Show {
  const shown = new Map<string, string>();
  let troubled = false;
  return {
    robots: (robots) => {
      troubled = false;
      for (const robot of robots) {
        const { robot_id: id, status, health, reason, node } = robot;
        const what = printable(
          `${id} ${statusWord(status)}, health ${health}, node ${node ?? "-"}${reason === null ? "" : ` (${reason})`}`,
        );
        if (shown.get(id) === what) continue;
        shown.set(id, what);
        terminal.out(flags.json === true ? printableJson(robot) : what);
      }
    },
    trouble: (line) => {
      if (!troubled) terminal.say(`${line} Trying again.`);
      troubled = true;
    },
    end: () => {},
  };
}
