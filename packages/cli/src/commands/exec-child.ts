/** Runs the job of `pulsemesh exec`: its terminal, its signals and its exit code are as if it had been started directly. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { signalExitCode } from "../interruption.ts";
import { outputTail } from "../output-tail.ts";

export interface JobEnd {
  /** The child's own code, 128 + n when a signal ended it, 126 or 127 when it could not be started. */
  readonly exitCode: number;
  /** The end of what it wrote; empty when its output went straight to a terminal. */
  readonly output: string;
  /** Why it could not be started. */
  readonly startError?: string | undefined;
}

const forwarded: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
];
const notFoundCode = 127;
const notExecutableCode = 126;
/** How long a grandchild may hold the output open after the job itself has ended. */
const drainMs = 1_000;

/**
 * Runs `command` to its end.
 * @param options - `capture`: pass its output through and keep the end of it. Off, it inherits stdout and stderr, so that it
 *   sees a terminal where there is one.
 */
export async function runJob(
  command: readonly string[],
  options: { readonly capture: boolean },
): Promise<JobEnd> {
  const [file = "", ...args] = command;
  const output = options.capture ? "pipe" : "inherit";
  const child = spawn(file, args, { stdio: ["inherit", output, output] });
  const tail = outputTail();
  pass(child.stdout, process.stdout, tail.push);
  pass(child.stderr, process.stderr, tail.push);
  const stopForwarding = forwardSignals(child);
  try {
    const { exitCode, startError } = await endOf(child);
    if (options.capture && startError === undefined) await closed(child);
    return { exitCode, startError, output: tail.text() };
  } finally {
    stopForwarding();
  }
}

/**
 * Pipes with back-pressure: a job that writes faster than its reader reads must wait, not fill our memory. When the reader goes away
 * our end of the job's pipe is closed, so that the job meets the broken pipe itself, as if it had been started directly. (Node's
 * pipes are sockets: where something lies unread, the first write fails with ECONNRESET and the signal comes with the second.)
 */
function pass(
  from: Readable | null,
  to: NodeJS.WritableStream,
  keep: (part: Uint8Array) => void,
): void {
  if (from === null) return;
  from.on("data", keep);
  const breakPipe = (): void => void from.destroy();
  to.once("error", breakPipe);
  from.once("close", () => to.off("error", breakPipe));
  from.pipe(to, { end: false });
}

function forwardSignals(child: ChildProcess): () => void {
  // A terminal sends Ctrl-C to the child as well; passing it on would make it look like a second one.
  const fromTerminal: readonly NodeJS.Signals[] = process.stdin.isTTY ? ["SIGINT", "SIGQUIT"] : [];
  const listener = (signal: NodeJS.Signals): void => {
    if (!fromTerminal.includes(signal)) child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, listener);
  return () => {
    for (const signal of forwarded) process.off(signal, listener);
  };
}

function endOf(child: ChildProcess): Promise<Omit<JobEnd, "output">> {
  const { promise, resolve } = Promise.withResolvers<Omit<JobEnd, "output">>();
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return;
    const exitCode = error.code === "ENOENT" ? notFoundCode : notExecutableCode;
    resolve({ exitCode, startError: error.message });
  });
  child.once("exit", (code, signal) => {
    resolve({ exitCode: signal === null ? (code ?? 1) : signalExitCode(signal) });
  });
  return promise;
}

async function closed(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("close", () => resolve());
  const streams = [child.stdout, child.stderr];
  if (streams.every((stream) => stream === null || stream.destroyed)) return;
  const timeout = new AbortController();
  await Promise.race([
    promise,
    wait(drainMs, undefined, { signal: timeout.signal }).catch(() => {}),
  ]);
  timeout.abort();
}
