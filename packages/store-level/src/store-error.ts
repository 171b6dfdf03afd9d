/** Turns what LevelDB and the file system throw into the few stable codes of the store. */
import { PulsemeshError } from "@pulsemesh/core";

/** A write that failed: `store-full` when the disk is full, else `store-failed`. */
export function writeError(cause: unknown): PulsemeshError {
  if (isDiskFull(cause)) {
    return new PulsemeshError(
      "store-full",
      "Cannot keep data: the disk is full. Nothing of it was acknowledged; free some space, the node goes on by itself.",
      { cause },
    );
  }
  return new PulsemeshError(
    "store-failed",
    `Cannot write to the store: ${causeText(cause)}. Nothing of it was acknowledged; the node retries from what is on disk.`,
    { cause },
  );
}

/** A read that failed even after a repair. */
export function readError(cause: unknown): PulsemeshError {
  return new PulsemeshError(
    "store-failed",
    `Cannot read from the store: ${causeText(cause)}. Nothing was changed; check the disk, then start the node again.`,
    { cause },
  );
}

/** A store that cannot be opened even after a repair. On a full disk there is nothing wrong with what it holds. */
export function openError(dir: string, cause: unknown): PulsemeshError {
  if (isDiskFull(cause)) return noRoomError(dir, cause);
  return new PulsemeshError(
    "store-failed",
    `Cannot open the store in ${dir}: ${causeText(cause)}. Nothing was changed; restore ${dir} from a backup or move it away to start empty.`,
    { cause },
  );
}

/** A store that only a later release can read. */
export function newerError(
  dir: string,
  found: { readonly format: number; readonly release: string | undefined },
  ours: { readonly format: number; readonly release: string },
): PulsemeshError {
  const by = found.release === undefined ? "a later release" : found.release;
  return new PulsemeshError(
    "store-newer",
    `Cannot open the store in ${dir}: ${by} wrote it in format ${found.format}, and this is ${ours.release}, which knows formats up to ${ours.format}. Nothing was changed; start ${by} again, or restore a backup from before the upgrade.`,
  );
}

/** Opening writes too: the directory, LevelDB's own files, the format. */
function noRoomError(dir: string, cause: unknown): PulsemeshError {
  return new PulsemeshError(
    "store-full",
    `Cannot open the store in ${dir}: the disk is full. Nothing was changed; free some space, then try again.`,
    { cause },
  );
}

/** A data directory that cannot be made or entered. */
export function directoryError(dir: string, cause: unknown): PulsemeshError {
  if (isDiskFull(cause)) return noRoomError(dir, cause);
  return new PulsemeshError(
    "data-dir-unusable",
    `Cannot use the data directory ${dir}: ${causeText(cause)}. Nothing was changed; choose a directory that this user may write to.`,
    { cause },
  );
}

/** Another process, named by its pid where known, has the directory open. */
export function lockedError(dir: string, pid: number | undefined, cause?: unknown): PulsemeshError {
  const holder = pid === undefined ? "another process" : `process ${pid}`;
  return new PulsemeshError(
    "store-locked",
    `Cannot open the data directory ${dir}: ${holder} is using it. Nothing was changed; stop that process or choose another directory.`,
    { cause },
  );
}

/** The error under LevelDB's wrapping "Database failed to open". */
export function rootCause(error: unknown): unknown {
  let current = error;
  while (current instanceof Error && current.cause !== undefined) current = current.cause;
  return current;
}

/** LevelDB's own code of an error, such as `LEVEL_LOCKED`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether LevelDB found its own structures damaged (a block, a table, the manifest). */
export function isCorruption(error: unknown): boolean {
  const cause = rootCause(error);
  return errorCode(cause) === "LEVEL_CORRUPTION" || causeText(cause).startsWith("Corruption:");
}

export function causeText(error: unknown): string {
  const cause = rootCause(error);
  return cause instanceof Error ? cause.message : String(cause);
}

/** LevelDB hands on strerror's text, not errno. */
export function isDiskFull(error: unknown): boolean {
  const cause = rootCause(error);
  const code = errorCode(cause);
  return (
    code === "ENOSPC" ||
    code === "EDQUOT" ||
    /no space left on device|disk quota exceeded|file too large/i.test(causeText(cause))
  );
}
