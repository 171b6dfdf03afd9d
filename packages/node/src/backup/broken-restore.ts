/**
 * What a restore leaves that was killed: a folder with private keys, beside the directory or within it. The next restore to the same directory
 * takes it away, since nobody else ever would. Its name holds the process that made it, so that one that is at work is left alone.
 */
import { existsSync, lstatSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { PRIVATE_FILES } from "./backup-format.ts";

/** With it a node is found, so it is what a restore puts in place last. */
export const LAST_FILE = "node.key";

/** What a restore puts into a directory that cannot be replaced as a whole. */
const RESTORED: readonly string[] = [...PRIVATE_FILES, "format.json", "pid", "store"];

/** The end of the name of a folder that is being filled by this process. */
export function asideSuffix(unique: string): string {
  return `.restore-${process.pid}-${unique}`;
}

/** The folders that restores to `target` have left, or are filling now: beside it and within it. */
export function openRestores(target: string): readonly string[] {
  return [...asidesIn(dirname(target), basename(target)), ...asidesIn(target, "")];
}

/**
 * Takes away what restores to `target` have left that did not come to their end.
 * @returns what was taken away
 * @throws PulsemeshError `data-dir-unusable` where a restore to it is under way
 */
export function removeBrokenRestores(target: string): readonly string[] {
  return openRestores(target).flatMap((path) => {
    refuseWhileUnderWay(path);
    return dirname(path) === target ? clearedVolume(target, path) : [removed(path)];
  });
}

function asidesIn(folder: string, prefix: string): string[] {
  return namesIn(folder)
    .filter((name) => name.startsWith(prefix) && isAside(name.slice(prefix.length)))
    .map((name) => join(folder, name))
    .filter(isFilled);
}

function isAside(end: string): boolean {
  return /^\.restore-(?:\d+-)?[0-9a-f]{8}$/.test(end);
}

/** Whether it is a folder that can be looked into and holds nothing else than what a restore puts there. */
function isFilled(path: string): boolean {
  try {
    return lstatSync(path).isDirectory() && readdirSync(path).every(isRestored);
  } catch {
    return false;
  }
}

/** Files are written under longer names first. */
function isRestored(name: string): boolean {
  return RESTORED.some((each) => name === each || name.startsWith(`${each}.`));
}

function removed(path: string): string {
  rmSync(path, { recursive: true });
  return path;
}

/**
 * A volume that was being filled held nothing before, and no node starts in it meanwhile: so what a restore puts there is of this one. With the
 * last file in place it is whole.
 */
function clearedVolume(target: string, path: string): string[] {
  if (existsSync(join(target, LAST_FILE))) {
    // No restore puts it there while anything is left to move: then this is somebody's node.
    if (namesIn(path).length > 0) return [];
    rmdirSync(path);
    return [path];
  }
  const names = RESTORED.filter((name) => existsSync(join(target, name)));
  // The folder itself goes last: as long as it is there nobody takes the rest for a node.
  return [...names.map((name) => join(target, name)), path].map(removed);
}

function refuseWhileUnderWay(path: string): void {
  const pid = Number(/\.restore-(\d+)-/.exec(path)?.[1] ?? Number.NaN);
  if (Number.isNaN(pid) || pid === process.pid || !isAlive(pid)) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot restore as process ${pid} seems to be filling ${path}. Nothing was changed; if no restore runs, remove that folder, which holds keys.`,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not there, or not ours to read: whoever makes something there will say so.
    return [];
  }
}
