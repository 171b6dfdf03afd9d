/** Where beats wait that no node took: a folder of the user's own, made durably, that nobody else may write to. */
import { PulsemeshError } from "@pulsemesh/core";
import { existsSync } from "node:fs";
import { mkdir, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const folderMode = 0o700;
const othersWrite = 0o022;

/**
 * Makes the folder if it is missing, so that it outlives a power cut.
 * @throws PulsemeshError `data-dir-unusable`
 */
export async function openFolder(folder: string): Promise<void> {
  try {
    for (const missing of missingOf(resolve(folder))) {
      await makeOne(missing);
      await syncFolder(dirname(missing));
    }
    await refuseForeign(folder);
  } catch (error) {
    if (error instanceof PulsemeshError) throw error;
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot keep beats in ${folder}: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  }
}

/** The folder and its parents that are not there, outermost first. */
function missingOf(folder: string): readonly string[] {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && dirname(at) !== at; at = dirname(at))
    missing.unshift(at);
  return missing;
}

/**
 * Not by Node's own recursive way, which never returns where the file system says ENOENT to a new folder (`/proc`, a home that the
 * automounter does not know): the job of `exec` would wait for ever.
 */
async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: folderMode });
  } catch (error) {
    // Another command made it in between.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** Makes names that were added to a folder, or renamed in it, durable. */
export async function syncFolder(folder: string): Promise<void> {
  // Folders cannot be opened there, and need not be.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Whoever may write there could have us tell the mesh anything, or a privileged user's command write anywhere.
 * @throws PulsemeshError `data-dir-unusable`, or what the file system throws
 */
export async function refuseForeign(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  const own = process.getuid?.();
  if (own === undefined || (uid === own && (mode & othersWrite) === 0)) return;
  const why =
    uid === own
      ? `other users may write to it: chmod go-w ${folder}`
      : "it belongs to another user: name one of your own with --spool";
  throw new PulsemeshError("data-dir-unusable", `Cannot use the beats in ${folder}: ${why}.`);
}
