/**
 * How a command declares its flags: one table entry each, with the environment variable that stands in for it.
 * Precedence is applied here and nowhere else: flag, then environment, then default. Commander's own `env()` is not used, as it
 * takes `PULSEMESH_MDNS=0` for yes.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { type Command, Option } from "commander";
import { DURATION_RULE, formatDuration, parseDuration } from "./duration.ts";
import { nearest } from "./nearest.ts";

export interface Flag {
  /** As commander takes it: `--listen <multiaddr>`. */
  readonly flags: string;
  readonly text: string;
  readonly env?: string | undefined;
  /** May be given several times; the environment variable then holds a list separated by spaces or commas. */
  readonly repeat?: boolean | undefined;
  /** Parts such a list. @default at spaces and commas */
  readonly split?: ((text: string) => readonly string[]) | undefined;
  /** Empty text means something here; elsewhere it is a script's variable that was never set. */
  readonly mayBeEmpty?: boolean | undefined;
  /** Reads the text, which is empty for flags without any; throws PulsemeshError `option-invalid`. `flag` is its long name, or the variable it came from. */
  readonly parse?: ((text: string, flag: string) => unknown) | undefined;
}

const environment = new WeakMap<Option, Flag>();

/** Adds flags to a command. */
export function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const flag of flags) {
    const variable = flag.env === undefined ? "" : ` [${flag.env}]`;
    const option = new Option(flag.flags, `${flag.text}${variable}`);
    if (!option.isBoolean()) {
      option.argParser((text, previous: unknown) => take(flag, text, option.long ?? "", previous));
    } else if (flag.parse !== undefined) {
      // What counts is where it stands, as of all flags behind a --robot.
      command.on(`option:${option.name()}`, () => flag.parse?.("", option.long ?? ""));
    }
    environment.set(option, flag);
    command.addOption(option);
  }
  return command;
}

/** Fills in from the environment what the command line left open. */
export function applyEnvironment(
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
): void {
  for (const option of command.options) {
    const flag = environment.get(option);
    const name = flag?.env ?? "";
    const text = env[name] ?? "";
    const key = option.attributeName();
    if (flag === undefined || text === "" || command.getOptionValueSource(key) === "cli") continue;
    command.setOptionValueWithSource(key, fromEnvironment(flag, option, text), "env");
  }
}

function fromEnvironment(flag: Flag, option: Option, text: string): unknown {
  const name = flag.env ?? "";
  if (option.isBoolean()) return parseYesNo(text, name);
  if (flag.repeat !== true) return take(flag, text, name, undefined);
  const parts = flag.split?.(text) ?? text.split(/[\s,]+/).filter((part) => part !== "");
  return parts.reduce<unknown>((previous, part) => take(flag, part, name, previous), undefined);
}

function take(flag: Flag, text: string, name: string, previous: unknown): unknown {
  if (text === "" && flag.mayBeEmpty !== true) {
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${name} '' as it must not be empty. Is a variable unset?`,
    );
  }
  const value = flag.parse === undefined ? text : flag.parse(text, name);
  if (flag.repeat !== true) return value;
  return [...((previous as readonly unknown[] | undefined) ?? []), value];
}

function parseYesNo(text: string, name: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${name}='${text}' as it must be 1 or 0 (true, yes, on; false, no, off).`,
  );
}

/** A parser for one of a few words; an unknown word is answered with the nearest valid one. */
export function oneOf(words: readonly string[]): (text: string, flag: string) => string {
  return (text, flag) => {
    if (words.includes(text)) return text;
    const meant = nearest(text, words);
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${flag} '${text}' as it must be one of ${words.join(", ")}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
    );
  };
}

/** A parser for durations in a range, both ends included. */
export function durationBetween(
  lowMs: number,
  highMs: number,
): (text: string, flag: string) => number {
  return (text, flag) => {
    const ms = parseDuration(text, flag);
    if (ms >= lowMs && ms <= highMs) return ms;
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${flag} '${text}' as it must be from ${formatDuration(lowMs)} to ${formatDuration(highMs)}; write ${DURATION_RULE}.`,
    );
  };
}

/** A parser for whole numbers in a range, both ends included. */
export function wholeBetween(low: number, high: number): (text: string, flag: string) => number {
  return (text, flag) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${flag} '${text}' as it must be a whole number from ${low} to ${high}.`,
    );
  };
}
