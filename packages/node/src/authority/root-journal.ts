/**
 * The files that a new root statement changes, all or none (rule ME6): as init does it, what is to be written is first written down as a whole beside
 * the root's keys. There is no mark in the data directory: a node that starts between two of the writes finds an issuer's key that the root does not
 * name yet, says so, and issues nothing.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { withFolderClaim } from "../keys/folder-claim.ts";
import { readFileIfAny } from "../keys/private-file.ts";
import {
  applyFiles,
  arePlannedFiles,
  type FileChanges,
  type InitFolders,
  type PlannedFile,
  refuseConflicts,
} from "./init-journal.ts";

/** Beside the root's keys; gone when all is done. */
const ROOT_JOURNAL_FILE = "root-change.json";
const VERSION = 1;

export interface RootJournal {
  /** The data directory that it changes as well; that of the root's keys where it changes none. */
  readonly data: string;
  readonly files: readonly PlannedFile[];
}

/**
 * Writes the journal, and then does what it says; whoever calls has claimed the root's folder.
 * @throws PulsemeshError `store-locked` while somebody else changes the data directory, and as {@link finishRootChange}
 */
export async function beginRootChange(
  rootDir: string,
  journal: RootJournal,
  changes: FileChanges,
): Promise<void> {
  await withDataClaim(rootDir, journal, async () => {
    refuseConflicts(journal, foldersOf(rootDir, journal));
    const line = JSON.stringify({ v: VERSION, ...journal });
    changes.write(join(rootDir, ROOT_JOURNAL_FILE), `${line}\n`);
    apply(rootDir, journal, changes);
  });
}

/**
 * Finishes what was broken off in a folder of a root.
 * @returns whether there was anything
 * @throws PulsemeshError `data-dir-unusable` when the journal is damaged, or somebody else has changed a file meanwhile
 */
export async function finishRootChange(rootDir: string, changes: FileChanges): Promise<boolean> {
  const path = join(rootDir, ROOT_JOURNAL_FILE);
  const text = readFileIfAny(path);
  if (text === undefined) return false;
  const journal = parseJournal(text);
  if (journal === undefined) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot finish the root statement that was begun, as ${path} is damaged. Nothing was changed; restore the folder from its other copy.`,
    );
  }
  await withDataClaim(rootDir, journal, async () => {
    refuseConflicts(journal, foldersOf(rootDir, journal));
    apply(rootDir, journal, changes);
  });
  return true;
}

/** An issuer's key may be being sealed there. The root's folder itself is claimed already. */
async function withDataClaim(
  rootDir: string,
  { data, files }: RootJournal,
  work: () => Promise<void>,
): Promise<void> {
  const isApart = files.some(({ folder }) => folder === "data") && realOf(data) !== realOf(rootDir);
  await (isApart ? withFolderClaim(data, work) : work());
}

function realOf(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    // It is not there; whoever uses it says so.
    return dir;
  }
}

function apply(rootDir: string, journal: RootJournal, changes: FileChanges): void {
  applyFiles(journal.files, foldersOf(rootDir, journal), changes);
  changes.remove(join(rootDir, ROOT_JOURNAL_FILE));
}

function foldersOf(rootDir: string, { data }: RootJournal): InitFolders {
  return { root: rootDir, data };
}

function parseJournal(text: string): RootJournal | undefined {
  try {
    const json = JSON.parse(text) as { readonly v?: unknown } & Partial<RootJournal>;
    const { v, data, files } = json;
    return v === VERSION && typeof data === "string" && arePlannedFiles(files)
      ? { data, files }
      : undefined;
  } catch {
    return undefined;
  }
}
