/** `pulsemesh node retire NAME|ID`: a node that is gone stops counting. */
import { PulsemeshError } from "@pulsemesh/core";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { nearest } from "../nearest.ts";
import { printable, printableJson } from "../printable.ts";

interface NodeFlags extends ClientFlags {
  readonly json?: boolean;
  readonly certain?: boolean;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** Robots of a retired node that are listed by name. */
const robotsNamedMost = 5;
const nodeIdText = /^12D3KooW[A-Za-z0-9]{44}$/;

/** Adds `node` to the program. */
export function addNodeCommand(program: Command, cli: Cli): void {
  const node = program.command("node").description("members of the fleet: retire");
  const command = node
    .command("retire")
    .description("take a node that is gone out of the fleet, at any other node")
    .argument("<node>", "its name or id, as `pulsemesh peers` prints them");
  addFlags(command, [
    {
      flags: "--certain",
      text: "it is gone for good, also where the asked node cannot tell (it shows it as unknown)",
    },
    ...clientFlags,
    { flags: "--json", text: "as JSON" },
  ]);
  command.addHelpText(
    "after",
    `
It counts no more for any node that has not heard it for 12 of its pulses and calls it down, or for 60; it counts again when
it is heard or started again. Where no majority is in sight nobody is called down: then say --certain, and be sure that the node
is not alive on the other side of a cut, as those that are left judge without it.`,
  );
  setAction<NodeFlags>(cli, command, async (flags, [text = ""]) => {
    cli.context = { ...cli.context, writes: true };
    const client = connect(cli, flags);
    const { id, name } = nodeOf(text, await client.peers());
    const robots = (await client.robots()).filter((robot) => robot.node_id === id);
    const retired = await client.retirePeer(id, { certain: flags.certain });
    if (flags.json === true) {
      const left = robots.map((robot) => robot.robot_id);
      cli.terminal.out(printableJson({ ...retired, name, robots: left }));
      return EXIT.ok;
    }
    const already = `${name} was retired already, ${retired.retired_at}.`;
    cli.terminal.say(printable(retired.already ? already : `Retired ${name} (${id}).`));
    if (robots.length > 0) {
      const named = robots.slice(0, robotsNamedMost).map((robot) => robot.robot_id);
      const more = robots.length > named.length ? ", …" : "";
      cli.terminal.say(
        printable(
          `Robots that had it for their home stay until they beat elsewhere: ${named.join(", ")}${more} (${robots.length}). Next: pulsemesh robot retire ROBOT`,
        ),
      );
    }
    return EXIT.ok;
  });
}

/** The member that a name or id means. One that is listed no more can still be named by its id. */
export function nodeOf(
  text: string,
  { self, peers }: { readonly self: Named; readonly peers: readonly Named[] },
): Named {
  const all = [self, ...peers];
  const found = all.filter(({ id, name }) => id === text || name === text);
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (second !== undefined) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new PulsemeshError("option-invalid", `Cannot tell which '${text}' is meant: ${ids}.`);
  }
  if (nodeIdText.test(text)) return { id: text, name: text };
  const meant = nearest(
    text,
    all.map(({ name }) => name),
  );
  throw new PulsemeshError(
    "peer-unknown",
    `There is no node '${text}' in the fleet.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
  );
}
