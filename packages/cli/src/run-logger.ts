/**
 * The log of `run`, on stderr: one JSON object a line for machines (pino), one line for people (pino-pretty). Its level can change while the
 * node runs. What strangers wrote forges no line of it (rule CLI6), and a reader that goes away ends nothing: lines go through the terminal,
 * which drops what cannot be written (rule CLI21).
 */
import type { NodeLogger } from "@pulsemesh/node";
import { printable } from "./printable.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["json", "pretty"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface RunLogger extends NodeLogger {
  /** The lowest that is written; may be set at any time. */
  level: string;
}

export interface RunLoggerOptions {
  /** The lowest that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** @default false */
  readonly color?: boolean | undefined;
  /** Wall milliseconds. */
  readonly now: () => number;
}

/** A logger that writes lines by `write`. The library is loaded here: only `run` logs. */
export async function runLogger(
  write: (line: string) => void,
  { level, format, color = false, now }: RunLoggerOptions,
): Promise<RunLogger> {
  const { pino } = await import("pino");
  const line = format === "json" ? jsonLine : await prettyLine(color);
  const logger: RunLogger = pino(
    {
      level,
      // Neither pid nor host name: collectors know both, and `name` is often a node's.
      base: null,
      messageKey: "message",
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: plain },
    },
    { write: (text) => write(line(text.trimEnd())) },
  );
  return logger;
}

/** Everything unseen is escaped; parsed, it is the same. */
function jsonLine(text: string): string {
  return printable(text);
}

async function prettyLine(color: boolean): Promise<(text: string) => string> {
  const { prettyFactory } = await import("pino-pretty");
  const pretty = prettyFactory({
    colorize: color,
    colorizeObjects: false,
    messageKey: "message",
    singleLine: true,
    translateTime: "UTC:HH:MM:ss.l",
  });
  // Escaped before it is painted, as the colours themselves are control characters. Line feeds that are left are the library's own.
  return (text) =>
    String(pretty(escaped(JSON.parse(text)) as string))
      .trimEnd()
      .replaceAll(/\s*\n\s*/g, " ");
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [printable(key), escaped(each)]),
  );
}

/** Errors become their message and code; what JSON cannot say becomes text. */
function plain(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]: [string, unknown]) => [key, plainValue(value)]),
  );
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error) {
    return "code" in value ? `${value.message} (${String(value.code)})` : value.message;
  }
  return typeof value === "bigint" ? value.toString() : value;
}
