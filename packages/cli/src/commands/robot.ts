/** `pulsemesh robot add|edit|list|retire`: robots as inventory, at any node of the fleet. */
import { PulsemeshClientError, type PulsemeshClient, type RobotJson } from "@pulsemesh/client";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { errorCodeOf } from "../failure.ts";
import { addFlags } from "../flags.ts";
import { inventoryTable, termsText } from "../inventory-table.ts";
import { printable, printableJson } from "../printable.ts";
import { editedTerms, newTerms, termFlags, type TermFlags } from "./robot-terms.ts";
import { parseRobotId } from "./run-robots.ts";

interface RobotFlags extends ClientFlags, TermFlags {
  readonly json?: boolean;
}

/** A robot's record may change at each of its beats, so an edit is tried again with what is there then. */
const editTries = 5;
const changedStatus = 412;
const jsonFlag = { flags: "--json", text: "as JSON" } as const;

/** Adds `robot` to the program. */
export function addRobotCommand(program: Command, cli: Cli): void {
  const robot = program
    .command("robot")
    .description("robots as inventory: add, edit, list, retire, at any node");
  addAdd(robot, cli);
  addEdit(robot, cli);
  addList(robot, cli);
  addRetire(robot, cli);
}

function addAdd(parent: Command, cli: Cli): void {
  const command = parent
    .command("add")
    .description("register a robot before its first beat (default every 60s)")
    .argument("<robot>", "the robot's id");
  addFlags(command, [...termFlags, ...clientFlags, jsonFlag]);
  setAction<RobotFlags>(cli, command, async (flags, [robotText = ""]) => {
    const id = parseRobotId(robotText);
    const next = `pulsemesh robot edit ${id} …   changes a robot that is registered; pulsemesh robot list   shows it`;
    cli.context = { ...cli.context, robot: id, writes: true };
    const client = connect(cli, flags);
    try {
      const { robot } = await client.putRobot(id, newTerms(flags), { ifNew: true });
      show(cli, flags, `Added ${id}: ${termsText(robot)}.`, robot);
    } catch (error) {
      if (isChanged(error)) cli.context = { ...cli.context, next };
      throw error;
    }
    return EXIT.ok;
  });
}

function addEdit(parent: Command, cli: Cli): void {
  const command = parent
    .command("edit")
    .description("change what the flags name; the rest of the robot stays as it is")
    .argument("<robot>", "the robot's id");
  addFlags(command, [...termFlags, ...clientFlags, jsonFlag]);
  setAction<RobotFlags>(cli, command, async (flags, [robotText = ""]) => {
    const id = parseRobotId(robotText);
    cli.context = { ...cli.context, robot: id, writes: true };
    const robot = await edit(connect(cli, flags), id, flags);
    show(cli, flags, `${id} is now ${termsText(robot)}.`, robot);
    return EXIT.ok;
  });
}

async function edit(client: PulsemeshClient, id: string, flags: TermFlags): Promise<RobotJson> {
  for (let tries = 1; ; tries += 1) {
    const before = await client.robot(id);
    try {
      const ifMatch = `"${before.version}"`;
      return (await client.putRobot(id, editedTerms(before, flags), { ifMatch })).robot;
    } catch (error) {
      if (!isChanged(error) || tries === editTries) throw error;
    }
  }
}

function addList(parent: Command, cli: Cli): void {
  const command = parent.command("list").description("all robots with schedule, labels and home");
  addFlags(command, [...clientFlags, jsonFlag]);
  setAction<RobotFlags>(cli, command, async (flags) => {
    const robots = await connect(cli, flags).robots();
    const lines =
      flags.json === true
        ? [printableJson({ robots })]
        : inventoryTable(robots, cli.terminal.color);
    for (const line of lines) cli.terminal.out(line);
    return EXIT.ok;
  });
}

function addRetire(parent: Command, cli: Cli): void {
  const command = parent
    .command("retire")
    .description("take a robot out of the fleet for good; its id is new when it beats again")
    .argument("<robot>", "the robot's id");
  addFlags(command, [...clientFlags, jsonFlag]);
  command.addHelpText(
    "after",
    `
A robot that lives is retired at its home alone: stop it and wait until it is down, or ask the node that hosts it.`,
  );
  setAction<RobotFlags>(cli, command, async (flags, [robotText = ""]) => {
    const id = parseRobotId(robotText);
    cli.context = { ...cli.context, robot: id, writes: true };
    const client = connect(cli, flags);
    const retired = await client.retireRobot(id).catch(async (error: unknown) => {
      if (errorCodeOf(error) === "robot-alive") await nameHome(cli, client, id);
      if (errorCodeOf(error) === "robot-unknown")
        cli.context = { ...cli.context, next: "pulsemesh robot list   lists the robots" };
      throw error;
    });
    const by = retired.retired_by ?? retired.retired_by_id;
    const text = retired.already
      ? `${id} was retired already, at ${by}, ${retired.retired_at}.`
      : `Retired ${id}.`;
    show(cli, flags, text, retired);
    return EXIT.ok;
  });
}

/** Says where the robot can be retired, in the error's next step. */
async function nameHome(cli: Cli, client: PulsemeshClient, id: string): Promise<void> {
  const { node, region } = await client.robot(id).catch(() => ({ node: null, region: null }));
  const home = printable(`${node ?? "its home"}${region === null ? "" : ` in ${region}`}`);
  const next = `stop the robot and repeat when it is down, or run it on the machine of ${home}: pulsemesh robot retire ${id}`;
  cli.context = { ...cli.context, next };
}

function show({ terminal }: Cli, flags: RobotFlags, text: string, value: object): void {
  if (flags.json === true) terminal.out(printableJson(value));
  else terminal.say(printable(text));
}

function isChanged(error: unknown): boolean {
  return error instanceof PulsemeshClientError && error.status === changedStatus;
}
