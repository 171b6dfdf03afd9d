/**
 * Where a command writes and what it knows of its surroundings, as one object, so that tests see every line and nothing else
 * in this package touches `process.stdout`. Data goes to `out`, messages for people go to `say`.
 */
import { EXIT } from "./exit-code.ts";

/** What waits for a reader that stands still; further messages are dropped. */
export const UNREAD_BYTES_MAX: number = 1024 * 1024;

export interface Terminal {
  /** A line of data, on stdout. */
  readonly out: (line: string) => void;
  /** A message, on stderr. */
  readonly say: (line: string) => void;
  /** Text as it is, on stdout; for the live table. */
  readonly raw: (text: string) => void;
  /** Bytes as they are, on stdout; resolves when they are on their way, so that a slow reader is waited for. */
  readonly bytes: (bytes: Uint8Array) => Promise<void>;
  readonly outIsTty: boolean;
  readonly inIsTty: boolean;
  readonly errIsTty: boolean;
  /** True on a TTY unless NO_COLOR or `TERM=dumb` says otherwise. */
  readonly color: boolean;
  readonly columns: () => number;
  readonly rows: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What comes on stdin, until its end. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** From now on this process does not end because nobody reads what it prints: what cannot be written is dropped (rule CLI21). */
  outlive(): void;
}

/**
 * The terminal of this process. A reader of stdout that went away (`| head -1`) ends the command without a word, since all that it
 * does is print; whoever has other work to do calls {@link Terminal.outlive}. Messages that nobody reads end nothing.
 */
export function processTerminal(): Terminal {
  let isOutlived = false;
  const { stdout, stderr } = process;
  const out = droppable(
    stdout,
    () => isOutlived,
    (error) => {
      if (isOutlived) return;
      if (error.code === "EPIPE") process.exit(EXIT.ok);
      stderr.write(
        `pulsemesh: Cannot write to stdout: ${error.message}\nNext: free some space, or send the output elsewhere.\n`,
      );
      process.exit(EXIT.usage);
    },
  );
  const err = droppable(
    stderr,
    () => true,
    () => {},
  );
  return {
    out: (line) => out(`${line}\n`),
    say: (line) => err(`${line}\n`),
    raw: out,
    bytes: (bytes) =>
      new Promise((resolve, reject) => {
        stdout.write(bytes, (error) => (error instanceof Error ? reject(error) : resolve()));
      }),
    outlive: () => {
      isOutlived = true;
    },
    outIsTty: process.stdout.isTTY,
    inIsTty: process.stdin.isTTY,
    errIsTty: process.stderr.isTTY,
    color: wantsColor(process.stdout.isTTY, process.env),
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    env: process.env,
    stdin: () => process.stdin,
  };
}

/**
 * Writes to `stream` until a write fails for good: a pipe that broke stays broken. A reader that stands still fills the memory of whoever goes
 * on writing, so where `mayDrop` says so only so much waits for it; how many lines were dropped is said when it reads again.
 */
export function droppable(
  stream: Pick<NodeJS.WriteStream, "on" | "write" | "writableLength">,
  mayDrop: () => boolean,
  failed: (error: NodeJS.ErrnoException) => void,
): (text: string) => void {
  let isGone = false;
  let dropped = 0;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    isGone ||= error.code === "EPIPE";
    failed(error);
  });
  return (text) => {
    if (isGone) return;
    if (mayDrop() && stream.writableLength > UNREAD_BYTES_MAX) {
      dropped += 1;
      return;
    }
    if (dropped > 0) {
      stream.write(`pulsemesh: ${dropped} messages were dropped here, as nobody read them.\n`);
      dropped = 0;
    }
    stream.write(text);
  };
}

/** Colour is for terminals, and not where NO_COLOR (to anything but nothing) or a dumb terminal says otherwise. */
export function wantsColor(
  isTty: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
