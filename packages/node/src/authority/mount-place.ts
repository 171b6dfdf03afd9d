/**
 * Whether a folder that is to be made would end up where it is meant (rule ME6): who names a folder on a stick that is not mounted would find it on this
 * machine's own disk, and take the stick into the safe without it.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { shellWord } from "../open-directory.ts";
import { statOf, trueName, upwards } from "./folder-names.ts";

/** Where disks that come and go are mounted, by custom. */
const MOUNT_FOLDERS: readonly string[] = ["/media", "/mnt", "/run/media", "/Volumes"];

/**
 * One folder is made, several are not: the first of them may be the mount point. Neither is one where disks are mounted by custom, and none is there.
 * Whoever means it makes the folder.
 * @param mountFolders - for tests
 * @throws PulsemeshError `data-dir-unusable`, with what to type
 */
export function refuseUnmounted(
  path: string,
  mountFolders: readonly string[] = MOUNT_FOLDERS,
): void {
  const dir = resolve(path);
  if (existsSync(dir)) return;
  const around = dirname(dir);
  const missing = [...upwards(around)].findLast((each) => !existsSync(each));
  if (missing !== undefined) {
    throw unmounted(
      dir,
      `there is no ${missing}`,
      `if that is a disk, mount it, else make it: mkdir -p ${shellWord(around)}`,
    );
  }
  if (!isMountedAt(trueName(around), mountFolders)) {
    throw unmounted(
      dir,
      "no disk is mounted there",
      `mount it, or make the folder: mkdir -m 700 ${shellWord(dir)}`,
    );
  }
}

/** False for a folder among mount points that is on the disk around them all. */
function isMountedAt(around: string, mountFolders: readonly string[]): boolean {
  const folder = [...upwards(around)].find((each) => mountFolders.includes(each));
  return folder === undefined || statOf(around)?.dev !== statOf(dirname(folder))?.dev;
}

function unmounted(dir: string, why: string, next: string): PulsemeshError {
  return new PulsemeshError(
    "data-dir-unusable",
    `Cannot put the root's keys in ${dir}: ${why}. Nothing was changed; ${next}`,
  );
}
