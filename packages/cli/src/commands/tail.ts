/** `pulsemesh tail ROBOT --file F|--stdin --match RE`: a log's lines as the signs of life of a robot that cannot be changed. */
import type { Command } from "commander";
import { PulsemeshError } from "@pulsemesh/core";
import { setTimeout as wait } from "node:timers/promises";
import { type Cli, setAction } from "../cli.ts";
import {
  courierOf,
  cutMessage,
  type DeliveryFlags,
  deliveryFlags,
  sayDelivery,
} from "../delivery-flags.ts";
import { EXIT } from "../exit-code.ts";
import { errorCodeOf } from "../failure.ts";
import { addFlags, durationBetween } from "../flags.ts";
import { catchInterruption } from "../interruption.ts";
import { printable } from "../printable.ts";
import { type Courier, deliver, deliverKept, type Delivery } from "../spool/deliver.ts";
import { BeatPacer } from "../tail/beat-pacer.ts";
import { NotAFile } from "../tail/followed-file.ts";
import { followFile } from "../tail/follow-file.ts";
import { LineMatcher, parsePattern } from "../tail/line-matcher.ts";
import { LineSplitter } from "../tail/line-splitter.ts";
import { parseRobotId } from "./run-robots.ts";

interface TailFlags extends DeliveryFlags {
  readonly file?: string;
  readonly stdin?: boolean;
  readonly match?: RegExp;
  readonly failMatch?: RegExp;
  readonly fromStart?: boolean;
  /** Milliseconds. */
  readonly atMost?: number;
  readonly create?: boolean;
}

const everyMsDefault = 1_000;
/** How often kept beats are offered while the log says nothing that would take them along. */
const offerEveryMs = 15_000;
const hourMs = 3_600_000;

/** Adds `tail` to the program. */
export function addTailCommand(program: Command, cli: Cli): void {
  const command = program
    .command("tail")
    .description(
      "turn the lines of a log into beats of a robot, until a signal or the end of stdin",
    )
    .argument("<robot>", "the robot that writes the log");
  addFlags(command, [
    {
      flags: "--file <file>",
      text: "the log; followed by its name, through rotation and truncation",
    },
    { flags: "--stdin", text: "read lines from stdin instead" },
    {
      flags: "--match <regexp>",
      text: "a line that matches is a beat",
      parse: parsePattern,
    },
    {
      flags: "--fail-match <regexp>",
      text: "a line that matches is a fail, with the line as message",
      parse: parsePattern,
    },
    { flags: "--from-start", text: "begin at the start of the file, not at its end" },
    {
      flags: "--at-most <duration>",
      text: "one beat in this time, however many lines match (default 1s)",
      parse: durationBetween(100, hourMs),
    },
    {
      flags: "--create",
      text: "register the robot if the mesh does not know it (every 1d, grace 1h)",
    },
    ...deliveryFlags.filter(({ flags }) => flags !== "--strict"),
  ]);
  command.addHelpText("after", helpText);
  setAction<TailFlags>(cli, command, async (flags, [robotText = ""]) => {
    const robot = parseRobotId(robotText);
    cli.context = { ...cli.context, robot, writes: true };
    return await tail(cli, flags, robot);
  });
}

const helpText = `
Patterns are JavaScript's regular expressions, anywhere in the line; (?i:text) ignores case. A line counts when its newline has come;
lines are read as UTF-8, and of more than 8 KiB only the beginning is looked at. A pattern that takes over a second on a line (nested
repeats such as (a+)+ can) is stopped, and the line counts as no match: a log holds what strangers wrote.

logrotate's create loses nothing. Its copytruncate can: what is written in the last 250ms before the cut is in the copy alone.

With --from-start, lines that were there before are told with the time of the file's last change: they revive nothing.

A node that is away is handled as by ping: tries, then the spool. SIGTERM and the end of stdin exit 0, Ctrl-C 130.

  pulsemesh tail importer --create --file /var/log/importer.log --match 'batch done' --fail-match 'ERROR|panic'
  journalctl -fu importer | pulsemesh tail importer --stdin --match 'batch done'`;

async function tail(cli: Cli, flags: TailFlags, robot: string): Promise<number> {
  const { file, stdin = false, match, failMatch, atMost = everyMsDefault } = flags;
  if ((file === undefined) === !stdin) throw invalid("one of --file and --stdin must be given");
  if (match === undefined) throw invalid("--match must say which lines are signs of life");
  if (stdin && flags.fromStart === true) throw invalid("--from-start is for files");
  cli.terminal.outlive();
  const say = (line: string): void =>
    cli.terminal.say(`${cli.context.command}: ${printable(line)}`);
  using interruption = catchInterruption();
  const { signal } = interruption;
  const courier = courierOf(cli, flags);
  const news = new DeliveryNews(cli);
  const pacer = new BeatPacer({
    everyMs: atMost,
    pause,
    send: async (kind, line, sinceMonoMs) => {
      const message = line === undefined ? undefined : cutMessage(line);
      const { create } = flags;
      news.take(await deliver(courier, { robot, kind, create, message }, signal, sinceMonoMs));
    },
  });
  using _offers = offerKept(courier, news, pacer);
  const matcher = new LineMatcher(match, failMatch, {
    tooSlow: (line) =>
      say(`a pattern took too long on a line, which counts as no match: ${line.slice(0, 80)}`),
  });
  const onLines = async (lines: readonly string[], changedWallMs?: number): Promise<void> => {
    const ageMs = changedWallMs === undefined ? 0 : Math.max(0, Date.now() - changedWallMs);
    const writtenMonoMs = performance.now() - ageMs;
    await matcher.match(lines, (kind, line) => pacer.add(kind, line, writtenMonoMs), signal);
  };
  if (file === undefined) await readStdin(onLines, signal);
  else
    await follow(
      cli,
      { path: file, from: flags.fromStart === true ? "start" : "end" },
      { onLines, say, signal },
    );
  await pacer.finish();
  return interruption.by() === "SIGINT" ? EXIT.interrupted : EXIT.ok;
}

function invalid(rule: string): PulsemeshError {
  return new PulsemeshError("option-invalid", `Cannot follow a log as ${rule}.`);
}

type Output = Pick<Parameters<typeof followFile>[0], "onLines" | "say" | "signal">;

async function follow(
  cli: Cli,
  where: { readonly path: string; readonly from: "start" | "end" },
  output: Output,
): Promise<void> {
  try {
    await followFile({ ...where, ...output });
  } catch (error) {
    if (!(error instanceof NotAFile)) throw error;
    cli.context = { ...cli.context, next: "for a pipe: pulsemesh tail ROBOT --stdin … < FILE" };
    throw new PulsemeshError("option-invalid", `Cannot follow --file: ${error.message}.`);
  }
}

/** Until its end, which ends the last line as well, or the signal. */
async function readStdin(
  onLines: (lines: readonly string[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const splitter = new LineSplitter();
  const { stdin } = process;
  const stop = (): void => void stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const part of stdin) await onLines(splitter.push(part as Uint8Array));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const rest = splitter.end();
  if (rest !== undefined && !signal.aborted) await onLines([rest]);
}

/** What people hear of deliveries over hours: when they begin to fail, for another reason than before, and when they are well again. */
class DeliveryNews {
  readonly #cli: Cli;
  #trouble = "";
  /** Something may wait in the spool. */
  isWaiting = true;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  take(delivery: Delivery): void {
    if (delivery.outcome === "taken") {
      if (this.#trouble !== "") {
        this.#cli.terminal.say(`${this.#cli.context.command}: beats are taken again.`);
      }
      this.#trouble = "";
      return;
    }
    const kept = delivery.outcome === "kept";
    if (kept) this.isWaiting = true;
    const full = kept && delivery.dropped.length > 0 ? " full" : "";
    const trouble = `${delivery.outcome} ${errorCodeOf(delivery.error)}${full}`;
    if (trouble !== this.#trouble) sayDelivery(this.#cli, delivery, "a beat");
    this.#trouble = trouble;
  }
}

function offerKept(courier: Courier, news: DeliveryNews, pacer: BeatPacer): Disposable {
  let offering = false;
  const timer = setInterval(() => {
    if (!news.isWaiting || !pacer.isIdle || offering) return;
    offering = true;
    void deliverKept(courier).then((isEmpty) => {
      news.isWaiting = !isEmpty;
      offering = false;
    });
  }, offerEveryMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {});
}
