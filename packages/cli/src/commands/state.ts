/** `pulsemesh state get|set|watch`: the shared state of robots. */
import { PulsemeshError } from "@pulsemesh/core";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { catchInterruption } from "../interruption.ts";
import { parseRobotId } from "./run-robots.ts";
import { readPatchText } from "../stdin-text.ts";
import { readPatch } from "./state-patch.ts";
import { watchState } from "./state-watch.ts";
import { printable, printableJson } from "../printable.ts";

interface StateFlags extends ClientFlags {
  readonly json?: boolean;
  readonly ifMatch?: string;
  readonly beats?: boolean;
}

/** Adds `state` to the program. */
export function addStateCommand(program: Command, cli: Cli): void {
  const state = program.command("state").description("the shared state of robots: get, set, watch");
  addGet(state, cli);
  addSet(state, cli);
  addWatch(state, cli);
}

function addGet(parent: Command, cli: Cli): void {
  const command = parent
    .command("get")
    .description("print a robot's state as JSON")
    .argument("<robot>", "the robot's id");
  addFlags(command, [
    ...clientFlags,
    { flags: "--json", text: "with its etag: {robot_id, state, etag}" },
  ]);
  setAction<StateFlags>(cli, command, async (flags, [robotText = ""]) => {
    const robot = parseRobotId(robotText);
    cli.context = { ...cli.context, robot };
    const { state, etag } = await connect(cli, flags).getState(robot);
    const whole = printableJson({ robot_id: robot, state, etag });
    cli.terminal.out(flags.json === true ? whole : printableJson(state, 2));
    return EXIT.ok;
  });
}

function addSet(parent: Command, cli: Cli): void {
  const command = parent
    .command("set")
    .description("merge fields into a robot's state; what is not named stays")
    .argument("<robot>", "the robot's id")
    .argument(
      "<fields...>",
      "KEY=VALUE pairs (VALUE as JSON, else text; null removes), one JSON object, or - for stdin",
    );
  addFlags(command, [
    ...clientFlags,
    {
      flags: "--if-match <etag>",
      text: "only if the state is still the one with this etag",
      parse: parseEntityTag,
    },
    { flags: "--json", text: "print the whole state afterwards: {robot_id, state, etag}" },
  ]);
  setAction<StateFlags>(cli, command, async (flags, [robotText = "", ...fields]) => {
    const robot = parseRobotId(robotText);
    cli.context = { ...cli.context, robot, writes: true };
    const patch = readPatch(fields[0] === "-" ? [await readPatchText(cli)] : fields);
    const { ifMatch } = flags;
    const { state, etag } = await connect(cli, flags).patchState(robot, patch, { ifMatch });
    if (flags.json === true) cli.terminal.out(printableJson({ robot_id: robot, state, etag }));
    else cli.terminal.say(setText(robot, Object.keys(patch)));
    return EXIT.ok;
  });
}

function setText(robot: string, keys: readonly string[]): string {
  if (keys.length === 0) return `Nothing to set; the state of ${robot} is as it was.`;
  return printable(`Set ${keys.join(", ")} of ${robot}.`);
}

/** Shells take quotes away, so an entity tag without them is given them back. */
function parseEntityTag(text: string, flag: string): string {
  if (text === "*" || /^(?:W\/)?"[^"\s]*"$/.test(text)) return text;
  if (/^[^"\s,]+$/.test(text)) return `"${text}"`;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as it must be one etag, as \`pulsemesh state get ROBOT --json\` prints it.`,
  );
}

function addWatch(parent: Command, cli: Cli): void {
  const command = parent
    .command("watch")
    .description("one JSON object a line: as it is now, then at each change")
    .argument("[robots...]", "these robots only");
  addFlags(command, [
    ...clientFlags,
    { flags: "--beats", text: "also at each beat, when nothing but last_check changes" },
    { flags: "--json", text: "the same: it is always JSON" },
  ]);
  command.addHelpText(
    "after",
    `
{"robot_id":…,"status":…,"liveness":…,"last_check":…}: status is the robot's own state.status (null if it never set one),
liveness the mesh's verdict.`,
  );
  setAction<StateFlags>(cli, command, async (flags, robots) => {
    using interruption = catchInterruption();
    const only = new Set(robots.map(parseRobotId));
    await watchState(connect(cli, flags), {
      only: only.size === 0 ? undefined : only,
      beats: flags.beats ?? false,
      signal: interruption.signal,
      missing: (robot) =>
        cli.terminal.say(
          `The mesh does not know robot '${robot}' yet; waiting for its first beat.`,
        ),
      emit: (line) => cli.terminal.out(printableJson(line)),
    });
    return EXIT.interrupted;
  });
}
