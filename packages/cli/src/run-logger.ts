/** The log of `run`, on stderr: one JSON object a line for machines, one short line for people. */
import type { NodeLogger } from "@pulsemesh/node";
import { printable, printableJson } from "./printable.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "text" | "json";

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/**
 * A logger that writes lines by `write`.
 * @param options - `level` is the lowest that is written; `now` gives wall milliseconds
 */
export function runLogger(
  write: (line: string) => void,
  options: { readonly level: LogLevel; readonly format: LogFormat; readonly now: () => number },
): NodeLogger {
  const log =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      if (levels.indexOf(level) < levels.indexOf(options.level)) return;
      const time = new Date(options.now()).toISOString();
      write(
        options.format === "json"
          ? printableJson({ time, level, message, ...plain(fields) })
          : printable(`${time.slice(11, 23)} ${level.padEnd(5)} ${message}${textOf(fields)}`),
      );
    };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** Errors become their message and code; other values stay. */
function plain(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]: [string, unknown]) => [key, plainValue(value)]),
  );
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error) {
    return "code" in value ? `${value.message} (${String(value.code)})` : value.message;
  }
  return typeof value === "bigint" ? value.toString() : value;
}

function textOf(fields: object): string {
  return Object.entries(plain(fields))
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
}
