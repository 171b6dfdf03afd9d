/**
 * Where a command writes and what it knows of its surroundings, as one object, so that tests see every line and nothing else
 * in this package touches `process.stdout`. Data goes to `out`, messages for people go to `say`.
 */
import { writeSync } from "node:fs";
import { EXIT } from "./exit-code.ts";

export interface Terminal {
  /** A line of data, on stdout. */
  readonly out: (line: string) => void;
  /** A message, on stderr. */
  readonly say: (line: string) => void;
  /** Text as it is, on stdout; for the live table. */
  readonly raw: (text: string) => void;
  readonly outIsTty: boolean;
  readonly inIsTty: boolean;
  /** True on a TTY unless NO_COLOR or `TERM=dumb` says otherwise. */
  readonly color: boolean;
  readonly columns: () => number;
  readonly rows: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Everything on stdin, as text. */
  readStdin(): Promise<string>;
}

/** The terminal of this process. A reader that went away (`| head -1`) ends the command without a word. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(EXIT.ok);
    });
  }
  const noColor = (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb";
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    raw: (text) => void process.stdout.write(text),
    outIsTty: process.stdout.isTTY,
    inIsTty: process.stdin.isTTY,
    color: process.stdout.isTTY && !noColor,
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    env: process.env,
    readStdin,
  };
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

/** Writes to stderr at once, also when the process exits right after. */
export function sayAtOnce(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads any more; there is nobody to tell either.
  }
}
