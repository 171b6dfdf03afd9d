/** `pulsemesh ping ROBOT [start|fail|log|EXITCODE]`: one sign of life from a shell. */
import type { Command } from "commander";
import { BEAT_MESSAGE_BYTES_MAX, PulsemeshError } from "@pulsemesh/core";
import { type Cli, setAction } from "../cli.ts";
import {
  courierOf,
  cutMessage,
  type DeliveryFlags,
  deliveryFlags,
  sayDelivery,
  sayNotKept,
} from "../delivery-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { nearest } from "../nearest.ts";
import { type Beat, deliver } from "../spool/deliver.ts";
import { readBeginning } from "../stdin-text.ts";
import { parseRobotId } from "./run-robots.ts";

interface PingFlags extends DeliveryFlags {
  readonly message?: string;
  readonly rid?: string;
  readonly create?: boolean;
  readonly json?: boolean;
}

/** What a ping may say. */
type PingKind = (typeof words)[number] | number;

const words = ["success", "start", "fail", "log"] as const;
const exitCodeLast = 255;

/** Adds `ping` to the program. */
export function addPingCommand(program: Command, cli: Cli): void {
  const command = program
    .command("ping")
    .description("one sign of life of a robot; exits 0 when a node has it durably, or the spool")
    .argument("<robot>", "the robot's id")
    .argument("[what]", "success (default), start, fail, log, or an exit code from 0 to 255");
  addFlags(command, [
    ...deliveryFlags,
    {
      flags: "-m, --message <text>",
      text: "diagnostics to keep with it, the first 10 kB; - reads stdin to its end",
      mayBeEmpty: true,
    },
    { flags: "--rid <id>", text: "pairs the start and the end of one run" },
    {
      flags: "--create",
      text: "register the robot if the mesh does not know it (every 1d, grace 1h)",
    },
    { flags: "--json", text: "as JSON" },
  ]);
  command.addHelpText(
    "after",
    `
What may succeed later (no node answers, too many beats, a full disk there) is tried again for --retry-for. Then the beat is kept
in the spool with its own time, with a warning and exit 0, or 3 with --strict, and goes out with the next ping, exec or tail of this
user to the same --url. A kept beat revives nothing: it only tells what happened. pulsemesh spool list   shows what waits.`,
  );
  setAction<PingFlags>(cli, command, async (flags, [robotText = "", what = "success"]) => {
    const robot = parseRobotId(robotText);
    cli.context = { ...cli.context, robot, writes: true };
    const kind = parsePingKind(what);
    const { rid, create } = flags;
    const message = await messageOf(cli, flags);
    return await ping(cli, flags, { robot, kind, rid, create, message });
  });
}

/** As much of it as is kept; that there was more is said. */
async function messageOf(cli: Cli, { message }: PingFlags): Promise<string | undefined> {
  if (message === undefined) return undefined;
  // One more than is kept, which tells that there is more.
  const text = message === "-" ? await readBeginning(cli, BEAT_MESSAGE_BYTES_MAX + 1) : message;
  const cut = cutMessage(text);
  if (cut !== text) {
    cli.terminal.say(
      `${cli.context.command}: warning: the message was cut to its first ${BEAT_MESSAGE_BYTES_MAX} bytes. Next: send less, for instance by: tail -c ${BEAT_MESSAGE_BYTES_MAX}`,
    );
  }
  return cut;
}

async function ping(cli: Cli, flags: PingFlags, beat: Beat): Promise<number> {
  const delivery = await deliver(courierOf(cli, flags), beat);
  if (delivery.outcome === "failed") {
    sayNotKept(cli, delivery);
    throw delivery.error;
  }
  const kept = delivery.outcome === "kept";
  sayDelivery(cli, delivery, "this beat");
  const created = delivery.outcome === "taken" && delivery.created;
  const { robot, kind } = beat;
  cli.terminal.out(
    flags.json === true
      ? JSON.stringify({ robot_id: robot, kind, created, kept })
      : kept
        ? "kept"
        : "OK",
  );
  return kept && flags.strict === true ? EXIT.unknown : EXIT.ok;
}

/** Reads the second argument of `ping`. */
function parsePingKind(text: string): PingKind {
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  if (/^\d+$/.test(text) && Number(text) <= exitCodeLast) return Number(text);
  const meant = nearest(text, words);
  throw new PulsemeshError(
    "option-invalid",
    `Cannot ping '${text}' as it must be one of ${words.join(", ")} or an exit code from 0 to ${exitCodeLast}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
  );
}
