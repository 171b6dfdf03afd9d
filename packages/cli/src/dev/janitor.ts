/**
 * The last one to leave: a small process that removes the temporary folder, and ends what has not ended by itself, when `dev` is
 * gone without doing so (a second Ctrl-C, kill -9, a closed terminal). While dev lives it does nothing.
 */
import { rm } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

export type JanitorMessage =
  | { readonly type: "started"; readonly pid: number }
  | { readonly type: "ended"; readonly pid: number }
  /** Dev has cleaned up itself. */
  | { readonly type: "done" };

/** Children see their channel close as well; this is how long they are given. */
const leaveAloneMs = 500;
const pollMs = 20;

/** Runs until dev says `done`, or until dev is gone and everything is cleaned up. */
export async function runJanitor(folder: string): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
    process.on(signal, () => {});
  }
  const pids = new Set<number>();
  if (await untilDevIsGone(pids)) return;
  await untilEnded(pids);
  for (const pid of pids) {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
  await untilEnded(pids);
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

async function untilEnded(pids: ReadonlySet<number>): Promise<void> {
  const deadlineMs = performance.now() + leaveAloneMs;
  while ([...pids].some(isAlive) && performance.now() < deadlineMs) await wait(pollMs);
}

/** @returns true when dev said that it has cleaned up */
async function untilDevIsGone(pids: Set<number>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  process.on("message", (message: JanitorMessage) => {
    switch (message.type) {
      case "started":
        pids.add(message.pid);
        break;
      case "ended":
        pids.delete(message.pid);
        break;
      case "done":
        resolve(true);
        break;
    }
  });
  process.once("disconnect", () => resolve(false));
  if (!process.connected) resolve(false);
  const done = await promise;
  if (process.connected) process.disconnect?.();
  return done;
}

/** Whether a process runs; one that has ended and waits to be reaped may count as running for a moment. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
