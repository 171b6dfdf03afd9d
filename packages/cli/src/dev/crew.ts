/** Everything that `dev` has to clean up, in one place: the temporary folder, the children, and the janitor behind them. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Child, startChild } from "./child.ts";
import type { JanitorMessage } from "./janitor.ts";

export interface Crew {
  /** Removed at the end, with everything in it. */
  readonly folder: string;
  /** Starts `pulsemesh ARGS`; its output goes to `logs/NAME.log` in the folder. */
  start(name: string, args: readonly string[]): Child;
  logFile(name: string): string;
  /**
   * Asks everybody to stop, insists after `patienceMs`, removes the folder. Idempotent.
   * @param patienceMs - 0 kills at once; by default longer than a planned stop takes (rule VE9)
   */
  close(patienceMs?: number): Promise<void>;
  /** Ends everybody and removes the folder before it returns; for a second Ctrl-C. */
  closeAtOnce(): void;
}

const stopPatienceMs = 4_000;

/** Starts the janitor and makes the folder. */
export function gatherCrew(parent: string = tmpdir()): Crew {
  const folder = join(parent, `pulsemesh-dev-${randomBytes(6).toString("hex")}`);
  const logFile = (name: string): string => join(folder, "logs", `${name}.log`);
  const children = new Set<Child>();
  mkdirSync(join(folder, "logs"), { recursive: true, mode: 0o700 });
  const janitor = startChild("janitor", ["dev-janitor", folder], logFile("janitor"));
  const tell = (message: JanitorMessage): void => {
    if (janitor.process.connected) janitor.process.send(message, () => {});
  };
  const sendAll = (signal: NodeJS.Signals): void => {
    for (const child of children) child.kill(signal);
  };
  const remove = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 };
  let closing: Promise<void> | undefined;
  const close = async (patienceMs: number): Promise<void> => {
    sendAll(patienceMs === 0 ? "SIGKILL" : "SIGTERM");
    const everybody = Promise.all([...children].map((child) => child.ended));
    const patience = new AbortController();
    const timedOut = wait(patienceMs, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([everybody, timedOut]);
    patience.abort();
    sendAll("SIGKILL");
    await everybody;
    await rm(folder, remove);
    tell({ type: "done" });
    await janitor.ended;
  };
  return {
    folder,
    logFile,
    start: (name, args) => {
      const child = startChild(name, args, logFile(name));
      children.add(child);
      tell({ type: "started", pid: child.pid });
      void child.ended.then(() => {
        children.delete(child);
        tell({ type: "ended", pid: child.pid });
      });
      return child;
    },
    close: (patienceMs = stopPatienceMs) => (closing ??= close(patienceMs)),
    closeAtOnce: () => {
      sendAll("SIGKILL");
      rmSync(folder, remove);
      janitor.kill("SIGKILL");
    },
  };
}
