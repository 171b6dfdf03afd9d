/**
 * Where a command writes and what it knows of its surroundings, as one object, so that tests see every line and nothing else
 * in this package touches `process.stdout`. Data goes to `out`, messages for people go to `say`.
 */
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
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    raw: (text) => void process.stdout.write(text),
    outIsTty: process.stdout.isTTY,
    inIsTty: process.stdin.isTTY,
    color: wantsColor(process.stdout.isTTY, process.env),
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    env: process.env,
    readStdin,
  };
}

/** Colour is for terminals, and not where NO_COLOR (to anything but nothing) or a dumb terminal says otherwise. */
export function wantsColor(
  isTty: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
