/**
 * Several files in two folders, all or none of them (rule ME6). What is to be written is first written down as a whole, in one file beside the root's keys;
 * from then on whoever comes back finishes it, however often he is interrupted. Before, nothing has happened; a list of steps without their contents would
 * not do, as keys that were drawn once can not be drawn again.
 */
import { existsSync, rmSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { isNodeId, type NodeId, PulsemeshError } from "@pulsemesh/core";
import { isSealed, keyIdOfText } from "../keys/secret-file.ts";
import { readFileIfAny, syncDirectory, writePrivateFile } from "../keys/private-file.ts";

/** Beside the root's keys; gone when all is done. */
const JOURNAL_FILE = "fleet-init.json";
/**
 * In the data directory meanwhile, so that no node starts on half of a fleet: the folder of the journal, relative where it is in there, as both may be moved.
 * It is there before the journal, with a second line until that is: a node that started in between would make another fleet.
 */
const UNFINISHED_FILE = "fleet-init-unfinished";
/** Nothing but the mark was written yet. The other word: keys will be sealed, with a passphrase that no start has. */
const PLANNED = "planned";
const PLANNED_SEALED = "planned sealed";
const VERSION = 1;
/** Files that one may write or remove. */
const JOURNAL_FILES_LIMIT = 16;

export interface PlannedFile {
  readonly folder: "root" | "data";
  readonly name: string;
  /** Null: it is removed. */
  readonly text: string | null;
  /** What is there before, where something is. */
  readonly before: string | null;
}

export interface InitJournal {
  /** Whose data directory it is. */
  readonly node: NodeId;
  readonly files: readonly PlannedFile[];
}

export interface InitFolders {
  readonly root: string;
  readonly data: string;
}

/** How files are changed; a parameter for tests. Each is durable when it returns. */
export interface FileChanges {
  write(path: string, text: string): void;
  remove(path: string): void;
}

export const privateFileChanges: FileChanges = {
  write: writePrivateFile,
  remove(path) {
    rmSync(path, { force: true });
    syncDirectory(dirname(path));
  },
};

/** The folder with the root's keys when the making of an authority was broken off here, undefined where it was not. */
export function unfinishedInit(dir: string): string | undefined {
  return readMark(dir)?.root;
}

/** Whether it was broken off before anything was written but the word for it, unless that was taken away with its folder: it may begin anew. */
export function isPlannedOnly(folders: InitFolders): boolean {
  return isPlanned(readMark(folders.data)) && readInitJournal(folders) === undefined;
}

interface Mark {
  readonly root: string;
  readonly word: string | undefined;
}

function readMark(dir: string): Mark | undefined {
  const text = readFileIfAny(join(dir, UNFINISHED_FILE));
  if (text === undefined) return undefined;
  const [root = "", word] = text.trim().split("\n");
  return { root: resolve(dir, root), word };
}

function isPlanned(mark: Mark | undefined): boolean {
  return mark?.word === PLANNED || mark?.word === PLANNED_SEALED;
}

/**
 * A node that started on half of a fleet would make another one, and one that became a member elsewhere would have its keys changed.
 * @param but.finishable - what a start can finish by itself is not refused: all that is to be written is at hand, and nobody has sealed it
 * @throws PulsemeshError `data-dir-unusable`
 */
export function refuseUnfinishedInit(
  dir: string,
  but: { readonly finishable: boolean } = { finishable: false },
): void {
  const root = unfinishedInit(dir);
  if (root === undefined || (but.finishable && isFinishable({ root, data: dir }))) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot start on ${dir}: the making of its fleet, with the root's keys in ${root}, was broken off. Nothing was changed; repeat it, which finishes it.`,
  );
}

function isFinishable(folders: InitFolders): boolean {
  const journal = readInitJournal(folders);
  if (journal !== undefined) return !sealsKeys(journal);
  // In a folder elsewhere there may be one, and its place is not there now.
  const isOwn = !isOutside(folders);
  return isOwn && readMark(folders.data)?.word === PLANNED;
}

function sealsKeys({ files }: Pick<InitJournal, "files">): boolean {
  return files.some(({ name, text }) => name.endsWith(".key") && text !== null && isSealed(text));
}

function isOutside({ data, root }: InitFolders): boolean {
  const inside = relative(data, root);
  return inside.startsWith("..") || isAbsolute(inside);
}

/** What the mark says of where the journal is. */
function placeOf(folders: InitFolders): string {
  return isOutside(folders) ? folders.root : `./${relative(folders.data, folders.root)}`;
}

/** @throws PulsemeshError `data-dir-unusable` when it is damaged */
export function readInitJournal({ root }: InitFolders): InitJournal | undefined {
  const path = join(root, JOURNAL_FILE);
  const text = readFileIfAny(path);
  if (text === undefined) return undefined;
  const journal = parseJournal(text);
  if (journal !== undefined) return journal;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot finish the fleet that was begun, as ${path} is damaged. Nothing was changed; restore the file, or remove it and begin with empty folders.`,
  );
}

/** Writes the mark and the journal, and then does what it says. */
export function beginInit(journal: InitJournal, folders: InitFolders, changes: FileChanges): void {
  refuseConflicts(journal, folders);
  const line = JSON.stringify({ v: VERSION, node: journal.node, files: journal.files });
  const word = sealsKeys(journal) ? PLANNED_SEALED : PLANNED;
  orRepeat(() => {
    changes.write(join(folders.data, UNFINISHED_FILE), `${placeOf(folders)}\n${word}\n`);
    changes.write(join(folders.root, JOURNAL_FILE), `${line}\n`);
  });
  finishInit(journal, folders, changes);
}

/** What was begun is done, and the machine died before the journal was gone: nothing of it is to be done again, as keys may have been replaced since. */
export function forgetInit({ root }: InitFolders, changes: FileChanges): void {
  changes.remove(join(root, JOURNAL_FILE));
}

/** @throws PulsemeshError `store-full`, `data-dir-unusable` in place of what the file system throws */
function orRepeat(work: () => void): void {
  try {
    work();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
    if (code === undefined || cause instanceof PulsemeshError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError(
      code === "ENOSPC" ? "store-full" : "data-dir-unusable",
      `Cannot make the fleet: ${why}. Repeat it when that is mended, which finishes what was begun.`,
      { cause },
    );
  }
}

/**
 * Does what a journal says, whatever of it was done before.
 * @throws PulsemeshError `data-dir-unusable` when somebody else has changed a file meanwhile
 */
export function finishInit(journal: InitJournal, folders: InitFolders, changes: FileChanges): void {
  refuseConflicts(journal, folders);
  const unfinished = join(folders.data, UNFINISHED_FILE);
  orRepeat(() => {
    changes.write(unfinished, `${placeOf(folders)}\n`);
    applyFiles(journal.files, folders, changes);
    changes.remove(unfinished);
    changes.remove(join(folders.root, JOURNAL_FILE));
  });
}

/** Writes and removes what is planned, whatever of it was done before. */
export function applyFiles(
  files: readonly PlannedFile[],
  folders: InitFolders,
  changes: FileChanges,
): void {
  for (const { folder, name, text } of files) {
    const path = join(folders[folder], name);
    const held = readFileIfAny(path) ?? null;
    if (text === null) {
      if (existsSync(path)) changes.remove(path);
    } else if (held !== text && !isSealedSince(name, held, text)) changes.write(path, text);
  }
}

/** Whether `held` is the key of `text`, which somebody has sealed meanwhile. */
export function isSealedSince(name: string, held: string | null, text: string | null): boolean {
  if (!name.endsWith(".key") || held === null || text === null) return false;
  if (!isSealed(held) || isSealed(text)) return false;
  try {
    return keyIdOfText(held, name) === keyIdOfText(text, name);
  } catch {
    return false;
  }
}

/**
 * A key or a pin that came here since is somebody's: it is neither overwritten nor removed. Where nothing is any more, nothing is lost.
 * @throws PulsemeshError `data-dir-unusable`
 */
export function refuseConflicts({ files }: Pick<InitJournal, "files">, folders: InitFolders): void {
  for (const { folder, name, text, before } of files) {
    const path = join(folders[folder], name);
    const held = readFileIfAny(path) ?? null;
    if (held === null || held === before || held === text) continue;
    if (isSealedSince(name, held, before) || isSealedSince(name, held, text)) continue;
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot finish what was begun: ${path} was changed meanwhile. Nothing was changed; move the file away and repeat.`,
    );
  }
}

function parseJournal(text: string): InitJournal | undefined {
  try {
    const json = JSON.parse(text) as { readonly v?: unknown } & Partial<InitJournal>;
    const { v, node, files } = json;
    return v === VERSION && isNodeId(node) && arePlannedFiles(files) ? { node, files } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether what stands in a journal is a list of files to change. */
export function arePlannedFiles(value: unknown): value is readonly PlannedFile[] {
  return Array.isArray(value) && value.length <= JOURNAL_FILES_LIMIT && value.every(isPlannedFile);
}

function isPlannedFile(value: unknown): value is PlannedFile {
  if (typeof value !== "object" || value === null) return false;
  const { folder, name, text, before } = value as Partial<Record<keyof PlannedFile, unknown>>;
  const isText = (one: unknown): boolean => one === null || typeof one === "string";
  if (folder !== "root" && folder !== "data") return false;
  return (
    typeof name === "string" &&
    /^[a-z-]+\.(?:key|json)$/.test(name) &&
    isText(text) &&
    isText(before)
  );
}
