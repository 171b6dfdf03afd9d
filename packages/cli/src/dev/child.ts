/**
 * A process that `dev` started: a node, a robot or the janitor. Each runs in a process group of its own, so that a Ctrl-C in the
 * terminal reaches dev alone, and each holds an IPC channel whose closing tells it that dev is gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { PARENT_WATCH } from "../parent-watch.ts";
import { nodeFlagsFor } from "../run-node-flags.ts";
import { launcherPath } from "../version.ts";

interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<ChildEnd>;
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts `pulsemesh ARGS` on the same Node as this process, so that a kill hits the program itself and no wrapper.
 * @param logFile - where its stdout and stderr go
 */
export function startChild(name: string, args: readonly string[], logFile: string): Child {
  const log = openSync(logFile, "a", 0o600);
  const given = process.execArgv;
  const flags = nodeFlagsFor(args, `${given.join(" ")} ${process.env["NODE_OPTIONS"] ?? ""}`);
  const child = spawn(process.execPath, [...flags, ...given, launcherPath(), ...args], {
    stdio: ["ignore", log, log, "ipc"],
    detached: process.platform !== "win32",
    env: childEnvironment(process.env),
  });
  closeSync(log);
  const { promise: ended, resolve } = Promise.withResolvers<ChildEnd>();
  let over = false;
  const end = (code: number | null, signal: NodeJS.Signals | null): void => {
    over = true;
    resolve({ code, signal });
  };
  child.once("exit", end);
  child.once("error", () => end(null, null));
  const { pid } = child;
  if (pid === undefined) throw new Error(`Cannot start ${name}: ${process.execPath} does not run`);
  return {
    name,
    pid,
    process: child,
    ended,
    running: () => !over,
    kill: (signal) => {
      if (!over) child.kill(signal);
    },
  };
}

/** What the user set for a node of their own (`PULSEMESH_JOIN`, …) must not reach these. */
export function childEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const own = Object.entries(env).filter(([name]) => !name.startsWith("PULSEMESH_"));
  return { ...Object.fromEntries(own), [PARENT_WATCH]: "1" };
}
