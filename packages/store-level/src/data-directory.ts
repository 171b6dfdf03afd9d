/**
 * The data directory before it is opened. What is missing is made for its owner alone; what is there keeps its mode, for it may be
 * somebody's home or project folder that was named by mistake. For the same reason files of something else are no place for a node.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { directoryError } from "./store-error.ts";
import { syncAround } from "./sync-directory.ts";

const PRIVATE_MODE = 0o700;
/** Any of these says that a node lives here, or that its owner has put a key in place for one. */
const OWN_FILES: readonly string[] = ["node.key", "fleet.json", "fleet-root.key", "store/CURRENT"];
/** Begins the name of the folder from which a restore fills a volume; gone when it is done. */
const RESTORE_PREFIX = ".restore-";
/** What a fresh disk holds. */
const DISK_FILES: readonly string[] = ["lost+found"];

/**
 * Makes `dir` if it is missing, and its parents, with mode 0700; changes nothing that exists.
 * @throws PulsemeshError `data-dir-unusable` when it cannot be made or written to, or holds files of something else
 */
export function prepareDataDirectory(dir: string): void {
  try {
    makeMissing(resolve(dir));
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw directoryError(dir, error);
  }
  const rest = readdirSync(dir).find((name) => name.startsWith(RESTORE_PREFIX));
  if (rest !== undefined) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot use ${dir} as data directory: a restore to it was broken off, as '${rest}' is still there. Nothing was changed; restore again, which begins anew.`,
    );
  }
  const stranger = strangerIn(dir);
  if (stranger === undefined) return makePrivateStore(dir);
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot use ${dir} as data directory: it holds files of something else, such as '${stranger}', and none of a node. Nothing was changed; choose an empty directory or a new one.`,
  );
}

/**
 * Makes a directory with its missing parents, private to its user. Step by step, as Node's own recursive way never returns where the file
 * system says ENOENT to a new directory: `/proc`, or the home of somebody whom the automounter does not know. Each is durable when it returns, or
 * a power cut would take it away with all that was synced in it.
 * @param sync - makes the names in a directory durable; for tests
 * @throws Error of the file system
 */
export function makeMissing(dir: string, sync: (around: string) => void = syncAround): void {
  const missing: string[] = [];
  for (let at = dir; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  for (const each of missing) {
    makeOne(each);
    sync(dirname(each));
  }
  if (!statSync(dir).isDirectory()) throw new Error("it is no directory");
}

function makeOne(dir: string): void {
  try {
    mkdirSync(dir, { mode: PRIVATE_MODE });
  } catch (error) {
    // Somebody else made it in between.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** LevelDB would make it for everybody, which matters where the directory itself is open to others. */
function makePrivateStore(dir: string): void {
  try {
    makeOne(join(dir, "store"));
  } catch (error) {
    throw directoryError(dir, error);
  }
}

function strangerIn(dir: string): string | undefined {
  if (OWN_FILES.some((name) => existsSync(join(dir, name)))) return undefined;
  return readdirSync(dir).find((name) => !isOurs(name) && !DISK_FILES.includes(name));
}

/** Left by a start that did not get far; `store` may be empty still. */
function isOurs(name: string): boolean {
  if (name === "pid" || name === "store") return true;
  return name.startsWith("node.key.") || name.startsWith("format.json");
}
