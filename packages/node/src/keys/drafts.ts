/**
 * What `writePrivateFile` leaves when it is killed: a file beside the real one, with a key in it as like as not. Nobody else ever takes it away, so the
 * next write of the same file does, and the next start of the node.
 */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A draft lives for milliseconds; one that is older than this, in ms, is nobody's. */
export const DRAFT_OLD_MS: number = 3_600_000;

/** Of files of a data directory or a root's, and nothing that a person would call a file. */
const DRAFT = /^(?:[a-z-]+\.(?:key|json)|fleet-init-unfinished)\.[0-9a-f]{12}$/;

/** The old drafts in a folder. */
export function oldDrafts(dir: string, nowWallMs: number): readonly string[] {
  return namesIn(dir)
    .filter((name) => DRAFT.test(name))
    .map((name) => join(dir, name))
    .filter((path) => isOldFile(path, nowWallMs));
}

/**
 * Takes them away, as far as that is possible: what cannot be removed harms nobody but who can read it already.
 * @param of - only those of this file. @default all in the folder
 * @returns what was taken away
 */
export function removeOldDrafts(dir: string, nowWallMs: number, of?: string): readonly string[] {
  return oldDrafts(dir, nowWallMs).filter((path) => {
    if (of !== undefined && !basename(path).startsWith(`${of}.`)) return false;
    try {
      rmSync(path);
      return true;
    } catch {
      return false;
    }
  });
}

/** All drafts of a file, however young: for whoever knows that nobody is writing it. */
export function removeDraftsOf(path: string): void {
  for (const name of namesIn(dirname(path)))
    if (DRAFT.test(name) && name.startsWith(`${basename(path)}.`))
      rmSync(join(dirname(path), name), { force: true });
}

/** Those of one file. */
export function removeOldDraftsOf(path: string, nowWallMs: number): void {
  removeOldDrafts(dirname(path), nowWallMs, basename(path));
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function isOldFile(path: string, nowWallMs: number): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && nowWallMs - stats.mtimeMs > DRAFT_OLD_MS;
  } catch {
    return false;
  }
}
