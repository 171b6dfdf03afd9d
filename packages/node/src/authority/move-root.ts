/**
 * The root's keys leave the machine of a node (rule ME6): copied to another folder, which may be on another disk, sealed on the way, read back and
 * opened there, and only then removed here. There is no journal: at every instant one of the two folders is whole, and whoever repeats the call goes on
 * from what it finds. Before anything is removed here the other folder holds everything; after that it is the other folder that counts.
 */
import { chmodSync, existsSync, readdirSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type FleetId, PulsemeshError } from "@pulsemesh/core";
import { makeMissing } from "@pulsemesh/store-level";
import { removeDraftsOf } from "../keys/drafts.ts";
import { isFolderClaim, withFolderClaim } from "../keys/folder-claim.ts";
import { readFileIfAny, syncDirectory } from "../keys/private-file.ts";
import {
  isSealed,
  keyIdOfText,
  openKeyText,
  readSecretKey,
  writeSecretText,
} from "../keys/secret-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { isSame, statOf, trueName, upwards } from "./folder-names.ts";
import {
  type FileChanges,
  privateFileChanges,
  readInitJournal,
  refuseUnfinishedInit,
} from "./init-journal.ts";
import { refuseUnmounted } from "./mount-place.ts";
import { readStatedRoots, type StatedRoots } from "./root-folder.ts";
import { finishRootChange } from "./root-journal.ts";

/** In the data directory, as the folder around it may be read-only; no backup takes it along. Where it goes from there is the operator's business. */
export const ROOT_FOLDER = "root";

const KEYS = [AUTHORITY_FILES.root, AUTHORITY_FILES.nextRoot] as const;
const FILES = [...KEYS, AUTHORITY_FILES.rootStatements] as const;
/** On a fresh disk. */
const DISK_FILES: readonly string[] = ["lost+found"];
const PRIVATE_MODE = 0o700;

export interface MoveRootOptions {
  /** The data directory of the node that they leave; the node may be running. */
  readonly dataDir: string;
  /** Where they are. @default the folder `root` of the data directory, else that itself */
  readonly rootDir?: string | undefined;
  /** Where they go: a folder that is not there yet, in one that is, or empty, or one to which such a move was begun. */
  readonly to: string;
  /** Seals them there, or opens them where they are sealed. @default they stay as they are */
  readonly passphrase?: string | undefined;
  /** How files are changed; for tests. @default the private-file way */
  readonly changes?: FileChanges | undefined;
}

export interface MovedRoot {
  /** `present`: all had been done before. */
  readonly status: "moved" | "sealed" | "present";
  readonly fleet: FleetId;
  /** Where the keys are. */
  readonly rootDir: string;
  readonly isSealed: boolean;
  /** What else stands in the folder that they left. */
  readonly left: readonly string[];
}

type Checked = Pick<MovedRoot, "fleet" | "rootDir" | "isSealed">;

interface Move {
  readonly from: string;
  readonly to: string;
  readonly passphrase: string | undefined;
  readonly changes: FileChanges;
}

/**
 * Moves the root's keys and statements. Interrupted, it is repeated.
 *
 * @example
 * await moveRoot({ dataDir, to: "/media/stick/root", passphrase });
 *
 * @throws PulsemeshError `option-invalid` for a folder in the data directory or with other files in it; `data-dir-unusable` when there is no root, another
 * one is there, what was written cannot be read back, and as {@link refuseUnmounted}; `passphrase-wrong`, `data-dir-open`, `store-locked`
 */
export async function moveRoot(options: MoveRootOptions): Promise<MovedRoot> {
  const { dataDir, passphrase, changes = privateFileChanges } = options;
  const to = resolve(options.to);
  refuseUnfinishedInit(dataDir);
  const from = whereIs(options);
  refuseInside(to, [dataDir, ...(from === undefined ? [] : [from])]);
  if (from === undefined) return describeMoved(to, options);
  refuseHalfMade(from);
  readStatedRoots(existsSync(join(to, AUTHORITY_FILES.rootStatements)) ? to : from);
  openTarget(to);
  const move: Move = { from, to: realpathSync(to), passphrase, changes };
  const moved = await withFolderClaim(move.to, () => withFolderClaim(from, () => carryOut(move)));
  const isData = realpathSync(dataDir) === from;
  return { status: "moved", ...moved, left: isData ? [] : removeIfEmpty(from) };
}

export interface SealRootOptions extends Pick<MoveRootOptions, "changes"> {
  readonly rootDir: string;
  readonly passphrase: string;
}

/**
 * Seals the keys of a root where they are. Interrupted, it is repeated.
 * @throws PulsemeshError `data-dir-unusable`, `passphrase-wrong` for what another passphrase seals, `data-dir-open`, `store-locked`
 */
export async function sealRoot({
  passphrase,
  changes = privateFileChanges,
  ...options
}: SealRootOptions): Promise<MovedRoot> {
  const rootDir = options.rootDir;
  readStatedRoots(rootDir);
  const from = realpathSync(rootDir);
  const move: Move = { from, to: from, passphrase, changes };
  return withFolderClaim(from, async () => {
    refuseHalfMade(from);
    await finishRootChange(from, changes);
    const open = KEYS.map((name) => readFileIfAny(join(from, name)) ?? "{").filter(isOpen);
    for (const [name, text] of await planKeys(move)) {
      // It takes the place of the only copy: so it is opened before.
      await openKeyText(text, passphrase, join(from, name));
      writeIfOther(move, name, text);
    }
    for (const name of KEYS) removeDraftsOf(join(from, name));
    const checked = await check(move);
    return { status: open.length === 0 ? "present" : "sealed", ...checked, left: [] };
  });
}

async function carryOut(move: Move): Promise<Checked> {
  const { from, to, changes } = move;
  refuseHalfMade(from);
  await finishRootChange(from, changes);
  const strange = namesIn(to).find(
    (name) => !DISK_FILES.includes(name) && !FILES.some((file) => isOf(file, name)),
  );
  if (strange !== undefined)
    throw refused(to, `it holds '${strange}'; name one that is empty, or not there yet`);
  const statements = sameStatements(move);
  const keys = await planKeys(move);
  for (const [name, text] of keys) writeIfOther(move, name, text);
  writeIfOther(move, AUTHORITY_FILES.rootStatements, statements);
  const checked = await check(move);
  for (const [name, text] of keys)
    if (readFileIfAny(join(to, name)) !== text) throw notKept(to, name);
  // From here on the other folder is the one that counts.
  for (const name of FILES) {
    if (existsSync(join(from, name))) changes.remove(join(from, name));
    for (const dir of [from, to]) removeDraftsOf(join(dir, name));
  }
  return checked;
}

/** What the keys' files are to hold: those that are sealed already as they are, of both folders the sealed one. */
async function planKeys(move: Move): Promise<readonly (readonly [string, string])[]> {
  const { from, to, passphrase } = move;
  const planned: (readonly [string, string])[] = [];
  for (const name of KEYS) {
    const paths = [...new Set([to, from])].map((dir) => join(dir, name)).filter(isThere);
    const held = paths.map((path) => ({ path, text: readFileIfAny(path) ?? "" }));
    const [first, other] = held;
    if (first === undefined) continue;
    if (
      other !== undefined &&
      keyIdOfText(first.text, first.path) !== keyIdOfText(other.text, other.path)
    )
      throw conflict(move, name);
    for (const { path } of held) await readSecretKey(path, passphrase);
    const { path, text } = held.find((one) => isSealed(one.text)) ?? first;
    const isKept = passphrase === undefined || isSealed(text);
    if (isKept) planned.push([name, text]);
    else planned.push([name, await writeSecretText(await readSecretKey(path), passphrase)]);
  }
  if (planned.length > 0) return planned;
  throw unusable(`Cannot find the keys of the root in ${from}`, "name the folder that holds them");
}

function sameStatements(move: Move): string {
  const name = AUTHORITY_FILES.rootStatements;
  const [there, here] = [move.to, move.from].map((dir) => readFileIfAny(join(dir, name)));
  if (there !== undefined && here !== undefined && there !== here) throw conflict(move, name);
  return there ?? here ?? "";
}

function writeIfOther({ to, changes }: Move, name: string, text: string): void {
  const path = join(to, name);
  if (readFileIfAny(path) !== text) changes.write(path, text);
}

/** Reads back what is there, as whoever needs it will. */
async function check({ to, passphrase }: Pick<Move, "to" | "passphrase">): Promise<Checked> {
  const [{ claims }]: StatedRoots = readStatedRoots(to);
  const paths = KEYS.map((name) => join(to, name)).filter(isThere);
  for (const path of paths) await readSecretKey(path, passphrase);
  const isAllSealed = paths.every((path) => !isOpen(readFileIfAny(path) ?? ""));
  return { fleet: claims.signer, rootDir: to, isSealed: isAllSealed };
}

/** Somebody had moved it all before: that it is there is seen, and nothing else is done. */
async function describeMoved(
  to: string,
  { dataDir, rootDir, passphrase }: MoveRootOptions,
): Promise<MovedRoot> {
  if (KEYS.some((name) => existsSync(join(to, name)))) {
    const checked = await check({ to: realpathSync(to), passphrase });
    const from = rootDir ?? join(dataDir, ROOT_FOLDER);
    return { status: "present", ...checked, left: isThere(from) ? removeIfEmpty(from) : [] };
  }
  throw unusable(
    `Cannot find the root's keys in ${rootDir ?? `${dataDir}, nor in its folder '${ROOT_FOLDER}'`}`,
    "name the folder that holds them with --root; they may have been moved before",
  );
}

/** @returns what keeps it */
function removeIfEmpty(dir: string): readonly string[] {
  const left = namesIn(dir);
  if (left.length > 0) return left;
  try {
    rmdirSync(dir);
    syncDirectory(dirname(dir));
  } catch {
    // Somebody has put something there since; no key of the root is left in it.
  }
  return [];
}

function whereIs({ dataDir, rootDir }: MoveRootOptions): string | undefined {
  const places = rootDir === undefined ? [join(dataDir, ROOT_FOLDER), dataDir] : [rootDir];
  const place = places.find((dir) => FILES.some((name) => existsSync(join(dir, name))));
  return place === undefined ? undefined : realpathSync(place);
}

/** Wherever a link leads, and however it is spelt. */
function refuseInside(to: string, folders: readonly string[]): void {
  const forbidden = folders.flatMap((dir) => statOf(dir) ?? []);
  for (const at of upwards(trueName(to))) {
    const stats = statOf(at);
    if (stats !== undefined && forbidden.some((one) => isSame(one, stats)))
      throw refused(to, "that is in the node's folder, or where they are already");
  }
}

/** There, and nobody else's to read. */
function openTarget(to: string): void {
  refuseUnmounted(to);
  try {
    makeMissing(to);
    closeToOthers(to);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unusable(`Cannot use ${to}: ${why}`, "name another folder", cause);
  }
}

/** A stick may know no modes; then keys that are not sealed are refused when they are read back. */
function closeToOthers(dir: string): void {
  if (process.platform === "win32" || (statSync(dir).mode & 0o777) === PRIVATE_MODE) return;
  if (namesIn(dir).every((name) => DISK_FILES.includes(name))) chmodIfPossible(dir);
}

function chmodIfPossible(dir: string): void {
  try {
    chmodSync(dir, PRIVATE_MODE);
  } catch {
    // As above.
  }
}

function refuseHalfMade(from: string): void {
  if (readInitJournal({ root: from, data: from }) === undefined) return;
  throw unusable(
    `Cannot move the root's keys in ${from}: the making of their fleet was broken off`,
    "repeat it, which finishes it",
  );
}

function isThere(path: string): boolean {
  return existsSync(path);
}

function isOpen(text: string): boolean {
  return !isSealed(text);
}

/** The file, or a draft of it. */
function isOf(file: string, name: string): boolean {
  return name === file || name.startsWith(`${file}.`);
}

function namesIn(dir: string): readonly string[] {
  return readdirSync(dir).filter((name) => !isFolderClaim(name));
}

function conflict({ from, to }: Move, name: string): PulsemeshError {
  return unusable(
    `Cannot move the root's keys from ${from} to ${to}: there is another ${name}`,
    "name an empty folder, or see which of the two is the newer one",
  );
}

function notKept(to: string, name: string): PulsemeshError {
  return unusable(
    `Cannot read back what was written to ${join(to, name)}`,
    "use another disk; the old files are where they were",
  );
}

function refused(to: string, why: string): PulsemeshError {
  return new PulsemeshError(
    "option-invalid",
    `Cannot move the root's keys to ${to}: ${why}. Nothing was changed.`,
  );
}

function unusable(what: string, next: string, cause?: unknown): PulsemeshError {
  return new PulsemeshError("data-dir-unusable", `${what}. Nothing was changed; ${next}.`, {
    cause,
  });
}
