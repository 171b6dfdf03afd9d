/**
 * Messages to the service manager that started this process (systemd's `sd_notify`, rule DP4). Node cannot send datagrams over unix sockets,
 * so the little program `systemd-notify` does it, which is there wherever systemd is. One runs at a time; what can be said together waits and
 * is said together. A message that cannot be sent is told once and stops nothing.
 */
import { spawn } from "node:child_process";

/** Longer than any healthy machine takes; a manager that does not read must not pile up processes. */
const sendMsMost = 5_000;

/** Starts `systemd-notify` with these assignments and says how it ended; undefined when it ended well. */
export type Send = (assignments: readonly string[]) => Promise<string | undefined>;

export class ServiceNotifier {
  readonly #send: Send;
  readonly #warn: (why: string) => void;
  /** By variable: of two values of one variable that both wait, the later one counts. */
  readonly #waiting = new Map<string, string>();
  #sending: Promise<void> | undefined;
  #hasWarned = false;

  constructor(send: Send, warn: (why: string) => void) {
    this.#send = send;
    this.#warn = warn;
  }

  /** Says `NAME=value` pairs as soon as the one before has been said. Values are cut to one line. */
  say(assignments: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(assignments)) {
      this.#waiting.delete(name);
      // A reload that nobody has heard of yet is over, and in one message the order of both would be lost.
      if (name === "READY") this.#waiting.delete("RELOADING");
      this.#waiting.set(name, value.replaceAll(/[\p{Cc}]+/gu, " "));
    }
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].map(([name, value]) => `${name}=${value}`);
      this.#waiting.clear();
      const trouble = await this.#send(batch).catch((error: unknown) => String(error));
      if (trouble !== undefined && !this.#hasWarned) this.#warn(trouble);
      this.#hasWarned ||= trouble !== undefined;
    }
    this.#sending = undefined;
  }
}

/** Sends by the program `systemd-notify`, found on the `PATH`. */
export async function sendBySystemdNotify(
  assignments: readonly string[],
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const child = spawn("systemd-notify", assignments, {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: sendMsMost,
    killSignal: "SIGKILL",
  });
  let said = "";
  child.once("error", (error) => resolve(`cannot start systemd-notify: ${error.message}`));
  // Out of file descriptors there is a child without any pipe, whatever the types say.
  const pipe = child.stderr as typeof child.stderr | undefined;
  pipe?.on("data", (part: Buffer) => {
    if (said.length < 1_000) said += part.toString();
  });
  child.once("close", (code, signal) => {
    resolve(code === 0 ? undefined : `systemd-notify ended with ${signal ?? code}: ${said.trim()}`);
  });
  return await promise;
}
