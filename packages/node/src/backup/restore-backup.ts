/**
 * Makes a data directory out of a backup: aside, and in place only when all of it is verified and on disk. A directory is renamed as a whole
 * where that can be done; a mounted volume is filled from a folder within it, whose name tells a node not to start before it is gone.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  MIGRATION_BYTES_MAX,
  MIGRATIONS,
  PulsemeshError,
  STORE_FORMAT,
  type Store,
  type StoreOp,
  type StoreRow,
} from "@pulsemesh/core";
import { createLevelStore, makeMissing, plannedOps } from "@pulsemesh/store-level";
import { syncDirectory, writePrivateFile } from "../keys/private-file.ts";
import { asideSuffix, LAST_FILE, removeBrokenRestores } from "./broken-restore.ts";
import { type BackupContent, readBackup } from "./read-backup.ts";

/** Rows that are made durable together. */
const COMMIT_ROWS = 1_000;
const PRIVATE_MODE = 0o700;
const MODE_BITS = 0o7777;
const OTHERS_BITS = 0o077;
/** What a fresh disk holds. */
const DISK_FILES: readonly string[] = ["lost+found"];

/** How to restore. */
export interface RestoreOptions {
  /** Breaks the restore off; nothing is left behind then. */
  readonly signal?: AbortSignal | undefined;
  /** A directory that is there keeps its mode, for volumes that a group shares (rule CFG13). @default false */
  readonly sharedData?: boolean | undefined;
  /** Told what a restore that was killed had left, and is gone now. */
  readonly onRemoved?: ((paths: readonly string[]) => void) | undefined;
}

/**
 * Restores the backup in the file `path` to the directory `dir`, which is missing or empty.
 * @throws PulsemeshError `data-dir-unusable` when there is anything in it or it cannot be made, `data-dir-open` when it cannot be closed to
 * others, `backup-damaged`, `store-newer`; nothing is left behind then, and neither when `signal` is aborted, whose reason is thrown
 */
export async function restoreBackup(
  path: string,
  dir: string,
  { signal, sharedData = false, onRemoved }: RestoreOptions = {},
): Promise<BackupContent> {
  const target = existsSync(dir) ? realpathSync(dir) : resolve(dir);
  const removed = removeBrokenRestores(target);
  if (removed.length > 0) onRemoved?.(removed);
  refuseUnlessEmpty(target);
  const aside = makeAside(target);
  try {
    const content = await fill(aside, path, signal);
    signal?.throwIfAborted();
    setMode(target, aside, sharedData);
    keepOwner(target, aside);
    moveIntoPlace(aside, target);
    return content;
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw error instanceof PulsemeshError ? error : unusable(dir, error);
  }
}

async function fill(
  aside: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<BackupContent> {
  const store = createLevelStore({ dir: aside });
  await store.open();
  try {
    const content = await readBackup(path, {
      file: (name, bytes) => writePrivateFile(join(aside, name), bytes),
      rows: async (rows) => {
        signal?.throwIfAborted();
        for (let at = 0; at < rows.length; at += COMMIT_ROWS)
          await store.commit(rows.slice(at, at + COMMIT_ROWS).map(putOf));
      },
    });
    await bringToFormat(store, content.rowsFormat);
    return content;
  } finally {
    await store.close();
  }
}

/** Rows of an earlier release, by the steps that its store would be brought up by (rule UP3). */
async function bringToFormat(store: Store, from: number): Promise<void> {
  if (from === STORE_FORMAT) return;
  const to = STORE_FORMAT;
  const plan = { migrations: MIGRATIONS, from, to, bytesMax: MIGRATION_BYTES_MAX };
  await store.commit(await plannedOps(plan, (range) => store.scan(range)));
}

function putOf({ key, value }: StoreRow): StoreOp {
  return { type: "put", key, value };
}

function refuseUnlessEmpty(target: string): void {
  if (!existsSync(target)) return;
  let found: string | undefined;
  try {
    found = readdirSync(target).find((name) => !DISK_FILES.includes(name));
  } catch (cause) {
    throw unusable(target, cause);
  }
  if (found === undefined) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot restore to ${target}: it is not empty, there is '${found}' in it. Nothing was changed; name a new directory, or move that one away.`,
  );
}

/** Beside the directory where it can take its place by a rename, else within it. */
function makeAside(target: string): string {
  const suffix = asideSuffix(randomBytes(4).toString("hex"));
  const beside = `${target}${suffix}`;
  const within = join(target, suffix);
  try {
    makeMissing(dirname(target));
    const isThere = existsSync(target);
    mkdirSync(isThere ? within : beside, { mode: PRIVATE_MODE });
    return isThere && !canBeReplaced(target, within, beside) ? within : beside;
  } catch (cause) {
    throw unusable(target, cause);
  }
}

/**
 * A mounted volume can not, and neither can anything in a directory of somebody else. What is moved out of it tells; device numbers do not, as
 * a bind mount has that of the disk around it. Afterwards `within` is `beside` if it can.
 */
function canBeReplaced(target: string, within: string, beside: string): boolean {
  if (readdirSync(target).length > 1) return false;
  try {
    renameSync(within, beside);
    return true;
  } catch {
    return false;
  }
}

/** Keys are about to lie in it, and a directory that stays in its place has the mode that somebody else gave it. */
function setMode(target: string, aside: string, sharedData: boolean): void {
  if (process.platform === "win32" || !existsSync(target)) return;
  const mode = statSync(target).mode & MODE_BITS;
  if (sharedData) return chmodSync(aside, mode);
  if (dirname(aside) !== target || (mode & OTHERS_BITS) === 0) return;
  try {
    chmodSync(target, PRIVATE_MODE);
  } catch (cause) {
    throw new PulsemeshError(
      "data-dir-open",
      `Cannot restore to ${target}: others on this machine may enter it (mode ${mode.toString(8).padStart(4, "0")}), and it cannot be closed: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed; as its owner: chmod 0700, or restore with --shared-data.`,
      { cause },
    );
  }
}

/** A folder made for a service stays its own when the administrator fills it. */
function keepOwner(target: string, aside: string): void {
  if (process.getuid?.() !== 0 || !existsSync(target)) return;
  rmSync(join(aside, "pid"), { force: true });
  const { uid, gid } = statSync(target);
  const names = readdirSync(aside, { recursive: true, encoding: "utf8" });
  for (const name of ["", ...names]) lchownSync(join(aside, name), uid, gid);
}

function moveIntoPlace(aside: string, target: string): void {
  rmSync(join(aside, "pid"), { force: true });
  syncDirectory(aside);
  if (dirname(aside) !== target) {
    renameSync(aside, target);
    syncDirectory(dirname(target));
    return;
  }
  const names = readdirSync(aside).toSorted(
    (a, b) => Number(a === LAST_FILE) - Number(b === LAST_FILE),
  );
  for (const name of names) renameSync(join(aside, name), join(target, name));
  rmdirSync(aside);
  syncDirectory(target);
}

function unusable(dir: string, cause: unknown): PulsemeshError {
  return new PulsemeshError(
    "data-dir-unusable",
    `Cannot restore to ${dir}: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed.`,
    { cause },
  );
}
