/** `pulsemesh explain ROBOT|NODE`: why the mesh says what it says, and the evidence of it as a file. */
import { PulsemeshError } from "@pulsemesh/core";
import type { PulsemeshClient, RobotWitnessesJson } from "@pulsemesh/client";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { writeNewFile } from "../config/new-file.ts";
import { EXIT } from "../exit-code.ts";
import { nodeExplanation, robotExplanation } from "../explanation.ts";
import { errorCodeOf } from "../failure.ts";
import { addFlags } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { nodeOf } from "./node.ts";

interface ExplainFlags extends ClientFlags {
  readonly bundle?: string | undefined;
  readonly node?: true | undefined;
  readonly json?: true | undefined;
}

const toStdout = "-";

/** Adds `explain` to the program. */
export function addExplainCommand(program: Command, cli: Cli): void {
  const command = program
    .command("explain")
    .description("why a robot or node has its status: who saw what, when, by which rule")
    .argument(
      "<robot|node>",
      "a robot's id, or a node's name or id; where both are there, the robot",
    );
  addFlags(command, [
    { flags: "--node", text: "a node is meant" },
    {
      flags: "--bundle <file>",
      text: "write the evidence of the newest verdict there, or to stdout (-)",
    },
    ...clientFlags,
    { flags: "--json", text: "as JSON" },
  ]);
  command.addHelpText(
    "after",
    `
A bundle holds what the witnesses signed, and can be checked where no node is, by who knows the id of the fleet:
  pulsemesh explain delta --bundle delta.json
  pulsemesh verify-verdict delta.json --fleet ID`,
  );
  setAction<ExplainFlags>(cli, command, async (flags, [text = ""]) => {
    const client = connect(cli, flags);
    const found = await find(client, text, flags.node === true);
    if (flags.bundle !== undefined) await writeBundle(cli, client, found, flags.bundle);
    if (flags.bundle === toStdout) return EXIT.ok;
    if (flags.json === true) cli.terminal.out(printableJson(found.json));
    else for (const line of found.lines(Date.now(), cli.terminal.color)) cli.terminal.out(line);
    return EXIT.ok;
  });
}

interface Found {
  readonly json: unknown;
  readonly lines: (nowWallMs: number, color: boolean) => string[];
  /** The node whose verdict it rests on; undefined where it is the word of a robot's home. */
  readonly node: { readonly id: string; readonly name: string } | undefined;
  readonly robot: string | undefined;
}

async function find(client: PulsemeshClient, text: string, isNode: boolean): Promise<Found> {
  const robot = isNode ? undefined : await robotOf(client, text);
  if (robot !== undefined) {
    const { home } = robot;
    const isHomes = robot.reason?.startsWith("home-") === true;
    return {
      json: robot,
      lines: (now, color) => robotExplanation(robot, now, color),
      node: home === null || !isHomes ? undefined : { id: home.node_id, name: home.name },
      robot: robot.robot_id,
    };
  }
  const { id, name } = nodeOf(text, await client.peers());
  const node = await client.nodeWitnesses(id);
  return {
    json: node,
    lines: (now, color) => nodeExplanation(node, now, color),
    node: { id, name },
    robot: undefined,
  };
}

/** Undefined where there is no such robot, or no robot can have that id. */
async function robotOf(
  client: PulsemeshClient,
  text: string,
): Promise<RobotWitnessesJson | undefined> {
  try {
    return await client.robotWitnesses(text);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "robot-unknown" || code === "robot-id-invalid") return undefined;
    throw error;
  }
}

async function writeBundle(
  cli: Cli,
  client: PulsemeshClient,
  { node, robot }: Found,
  file: string,
): Promise<void> {
  if (node === undefined)
    throw new PulsemeshError(
      "verdict-none",
      `Cannot export a verdict about ${robot ?? "it"}: its status is the word of its home, and no verdict of the mesh.`,
    );
  const bundle = await client.verdictBundle(node.id);
  if (file === toStdout) {
    // The line end is the terminal's own.
    cli.terminal.out(bundle.replace(/\n$/, ""));
    return;
  }
  writeNewFile(file, bundle);
  cli.terminal.say(
    printable(
      `Wrote the evidence of the newest verdict about ${node.name} to ${file}. Next: pulsemesh verify-verdict ${file}`,
    ),
  );
}
