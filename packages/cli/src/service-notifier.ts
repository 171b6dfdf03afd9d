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
  #waiting = new Map<string, string>();
  /** A reload and its end are two messages, as the order inside one is lost; what is said behind the end waits here with it. */
  #afterReload: Map<string, string> | undefined;
  #sending: Promise<void> | undefined;
  #hasWarned = false;

  constructor(send: Send, warn: (why: string) => void) {
    this.#send = send;
    this.#warn = warn;
  }

  /** Says `NAME=value` pairs as soon as the one before has been said. Values are cut to one line. */
  say(assignments: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(assignments)) {
      if (name === "RELOADING") this.#reloadAgain();
      if (name === "READY" && this.#waiting.has("RELOADING")) this.#afterReload ??= new Map();
      const waiting = this.#afterReload ?? this.#waiting;
      waiting.delete(name);
      waiting.set(name, value.replaceAll(/[\p{Cc}]+/gu, " "));
    }
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  /** That a reload had ended before this one began is no news any more. */
  #reloadAgain(): void {
    this.#waiting = new Map([...this.#waiting, ...(this.#afterReload ?? [])]);
    this.#waiting.delete("READY");
    this.#afterReload = undefined;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].map(([name, value]) => `${name}=${value}`);
      this.#waiting = this.#afterReload ?? new Map<string, string>();
      this.#afterReload = undefined;
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
