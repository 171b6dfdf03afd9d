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
import { isSealed, openKeyText, writeSecretText } from "../keys/secret-file.ts";
import {
  applyFiles,
  arePlannedFiles,
  type FileChanges,
  type InitFolders,
  isSealedSince,
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
 * @param issuerPassphrase seals an issuer's key that was drawn open, where the one before it was sealed since
 * @returns what it was, undefined where there was nothing
 * @throws PulsemeshError `data-dir-unusable` when the journal is damaged, or somebody else has changed a file meanwhile; `option-invalid` where it takes
 * a passphrase, and none is given
 */
export async function finishRootChange(
  rootDir: string,
  changes: FileChanges,
  issuerPassphrase?: string,
): Promise<RootJournal | undefined> {
  const path = join(rootDir, ROOT_JOURNAL_FILE);
  const text = readFileIfAny(path);
  if (text === undefined) return undefined;
  const journal = parseJournal(text);
  if (journal === undefined) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot finish the root statement that was begun, as ${path} is damaged. Nothing was changed; restore the folder from its other copy.`,
    );
  }
  await withDataClaim(rootDir, journal, async () => {
    refuseConflicts(journal, foldersOf(rootDir, journal));
    apply(rootDir, await sealedAsBefore(journal, issuerPassphrase), changes);
  });
  return journal;
}

/** A sealed key is replaced by a sealed one alone, also where it was sealed after its replacement was drawn. */
async function sealedAsBefore(
  journal: RootJournal,
  passphrase: string | undefined,
): Promise<RootJournal> {
  const files = journal.files.map(async (file): Promise<PlannedFile> => {
    const { folder, name, text, before } = file;
    const path = join(journal.data, name);
    const held = folder === "data" ? (readFileIfAny(path) ?? null) : null;
    if (text === null || !isSealedSince(name, held, before)) return file;
    if (isSealed(text) || isSealedSince(name, held, text)) return file;
    if (passphrase !== undefined)
      return {
        ...file,
        text: await writeSecretText(await openKeyText(text, undefined, path), passphrase),
      };
    throw new PulsemeshError(
      "option-invalid",
      `Cannot finish the root statement that was begun without a passphrase that seals the new key in ${journal.data}: the one that it replaces was sealed meanwhile. Nothing was changed; repeat it as pulsemesh key rotate issuer, with --issuer-passphrase-file.`,
    );
  });
  return { ...journal, files: await Promise.all(files) };
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
