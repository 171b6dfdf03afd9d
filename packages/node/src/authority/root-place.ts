/**
 * Where the keys of a fleet's root may be put (rule ME6). Whoever names a stick that is not mounted, a folder in which others may write, or one that goes
 * with every copy of the node's own, is told so before anything is made: keys that were there once were there.
 */
import { dirname, relative, resolve } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { octal, shellWord } from "../open-directory.ts";
import { isSame, statOf, trueName, upwards } from "./folder-names.ts";
import { unfinishedInit } from "./init-journal.ts";
import { refuseUnmounted } from "./mount-place.ts";
import { ROOT_FOLDER } from "./move-root.ts";

const OTHERS_WRITE_BITS = 0o022;

/**
 * Checks the folder for the root's keys of a fleet that is about to be made.
 * @throws PulsemeshError `option-invalid` for one in the node's folder other than its own `root`; `data-dir-unusable` for one that others may write to, and
 * as {@link refuseUnmounted}
 */
export function checkRootPlace({
  dir,
  rootDir,
}: {
  readonly dir: string;
  readonly rootDir: string;
}): void {
  refuseInNode(dir, rootDir);
  // In or beside the node's folder all parents are there as soon as that is.
  const around = dirname(resolve(rootDir));
  if (around !== resolve(dir) && around !== dirname(resolve(dir))) refuseUnmounted(rootDir);
  refuseWritable(rootDir);
}

/** The node's own `root` is left out of backups, checked at each start, found by `doctor` and emptied by `key move-root`; no other one is. */
function refuseInNode(dir: string, rootDir: string): void {
  const [data, root] = [trueName(dir), trueName(rootDir)];
  const node = statOf(data);
  const at = [...upwards(root)].find((each) => {
    const stats = statOf(each);
    return each === data || (node !== undefined && stats !== undefined && isSame(node, stats));
  });
  if (at === undefined || relative(at, root) === ROOT_FOLDER) return;
  // An earlier release has begun there: that is to be finished.
  const begun = unfinishedInit(dir);
  if (begun !== undefined && trueName(begun) === root) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot put the root's keys in ${rootDir}: that is in the node's folder, and would go with every copy of it. Nothing was changed; name a folder outside of ${dir}.`,
  );
}

/** With the right to write in a folder goes the right to put other files in the place of those in it. */
function refuseWritable(rootDir: string): void {
  const stats = statOf(rootDir);
  // Windows has no such modes.
  if (stats === undefined || process.platform === "win32") return;
  if ((stats.mode & OTHERS_WRITE_BITS) === 0) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot put the root's keys in ${rootDir}: others on this machine may write there (mode ${octal(stats.mode & 0o777)}), and so replace them. Nothing was changed; close it with: chmod 700 ${shellWord(rootDir)}`,
  );
}
