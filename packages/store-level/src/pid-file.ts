/**
 * Names the process that holds a data directory. LevelDB's kernel lock is what keeps a second process out, and it dies with its
 * holder; the pid file only tells people whom to stop, so a stale one is ignored rather than trusted.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PID_FILE_NAME = "pid";

/** Writes this process's pid into the directory. */
export function writePidFile(dir: string): void {
  writeFileSync(join(dir, PID_FILE_NAME), `${process.pid}\n`, { mode: 0o600 });
}

/** Removes the file if it names this process. */
export function removePidFile(dir: string): void {
  if (readPid(dir) === process.pid) rmSync(join(dir, PID_FILE_NAME), { force: true });
}

/** The pid in the file if such a process is alive; undefined when there is no file or it is stale. */
export function holderPid(dir: string): number | undefined {
  const pid = readPid(dir);
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

function readPid(dir: string): number | undefined {
  try {
    const text = readFileSync(join(dir, PID_FILE_NAME), "utf8").trim();
    return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
