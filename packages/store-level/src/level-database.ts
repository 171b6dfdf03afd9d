/**
 * LevelDB as the store needs it: open at almost any price, one synced atomic write, one ordered read.
 *
 * What LevelDB does with damage, and what is added here:
 * - a broken write-ahead log: it skips what fails its checksum and says so only in its `LOG` file, which is read after opening;
 * - a broken manifest or `CURRENT`, or a missing one: it refuses to open, or would start an empty database over the old files;
 *   `repair` rebuilds the manifest from the tables, and a compaction afterwards puts newer values before older ones again
 *   (after a repair all tables are on level 0, where the file number, not the age of a value, decides);
 * - a broken block or table: reads and compactions that touch it fail; `repair` copies what is readable and moves the rest
 *   to `lost/`.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CorruptRow, StoreOp } from "@pulsemesh/core";
import { Level } from "level";
import { causeText, errorCode, isCorruption, rootCause } from "./store-error.ts";

/** Bytes of files in `lost/` that are kept: each repair puts the old manifest, logs and broken tables there. The oldest go. */
export const LOST_BYTES_MAX: number = 64 * 1024 * 1024;

/** A range of physical keys. */
export interface PhysicalRange {
  readonly gte: string;
  readonly lt: string;
  readonly reverse?: boolean | undefined;
}

/** An open database. Errors are LevelDB's own. */
export interface Database {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Rows in byte order of their keys, from a snapshot taken at the call. */
  rows(range: PhysicalRange): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** Applies all or none of `ops`; with `sync` it resolves once they are on disk. */
  write(ops: readonly StoreOp[], sync: boolean): Promise<void>;
  /** Waits for what is under way; iterations are ended with an error. */
  close(): Promise<void>;
}

export interface OpenedDatabase {
  readonly database: Database;
  /** Damage that opening came upon. */
  readonly findings: readonly CorruptRow[];
}

/** Damage in the files of one opening that is reported at most; the rest is left to LevelDB's `LOG`. */
export const FINDINGS_MAX: number = 100;

/**
 * Opens or creates the database, repairing it first when `repairFirst` or when it does not open because of damage.
 * @throws LevelDB's error: code `LEVEL_LOCKED` when held elsewhere, anything else when it is beyond repair.
 */
export async function openDatabase(
  location: string,
  repairFirst: boolean,
): Promise<OpenedDatabase> {
  const findings: CorruptRow[] = [];
  let repaired = false;
  if (repairFirst || isHeadless(location)) {
    findings.push({
      key: location,
      reason: repairFirst ? "damaged, repaired" : "CURRENT is missing, repaired",
    });
    await repair(location);
    repaired = true;
  }
  let level = newLevel(location);
  try {
    await level.open();
  } catch (error) {
    if (repaired || !isRepairable(error)) throw error;
    findings.push({ key: location, reason: `${causeText(error)}, repaired` });
    await repair(location);
    repaired = true;
    level = newLevel(location);
    await level.open();
  }
  findings.push(...droppedByRecovery(location));
  if (repaired) await level.compactRange("", "\u{10FFFF}");
  return { database: wrap(level), findings };
}

/** What LevelDB on Node has beyond the types that `level` shares with browsers. */
interface NodeLevel extends Level<string, Uint8Array> {
  compactRange(start: string, end: string): Promise<void>;
}

function newLevel(location: string): NodeLevel {
  return new Level<string, Uint8Array>(location, {
    keyEncoding: "utf8",
    valueEncoding: "view",
  }) as NodeLevel;
}

async function repair(location: string): Promise<void> {
  await (Level as unknown as { repair(location: string): Promise<void> }).repair(location);
  trimLost(join(location, "lost"));
}

/** A disk that needs repair again and again must not fill with what was repaired. */
function trimLost(folder: string): void {
  if (!existsSync(folder)) return;
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    const { size, mtimeMs } = statSync(path);
    return { path, size, mtimeMs };
  });
  let bytes = 0;
  for (const { path, size } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
    bytes += size;
    if (bytes > LOST_BYTES_MAX) rmSync(path, { recursive: true, force: true });
  }
}

/** Tables or logs without a `CURRENT` that names their manifest: opening would delete them as unknown files. */
function isHeadless(location: string): boolean {
  if (!existsSync(location) || existsSync(join(location, "CURRENT"))) return false;
  return readdirSync(location).some((name) => /\.(ldb|sst|log)$/.test(name));
}

/** Corruption, or a `CURRENT` or manifest that names a file that is not there. Never a lock, a full disk or missing rights. */
function isRepairable(error: unknown): boolean {
  if (errorCode(rootCause(error)) === "LEVEL_LOCKED") return false;
  return isCorruption(error) || /no such file|not found|missing file/i.test(causeText(error));
}

/** What the recovery of the write-ahead log skipped; LevelDB starts a new `LOG` with every opening. */
function droppedByRecovery(location: string): CorruptRow[] {
  let log: string;
  try {
    log = readFileSync(join(location, "LOG"), "utf8");
  } catch {
    return [];
  }
  const dropped = log.matchAll(/\(ignoring error\) (.+?): (dropping \d+ bytes; .+)/g);
  return Array.from(dropped, ([, file, what]) => ({
    key: file ?? location,
    reason: what ?? "dropped",
  })).slice(0, FINDINGS_MAX);
}

function wrap(level: NodeLevel): Database {
  return {
    get: (key) => level.get(key),
    rows: (range) => level.iterator({ ...range, reverse: range.reverse ?? false }),
    async write(ops, sync) {
      await level.batch([...ops], { sync });
    },
    close: () => level.close(),
  };
}
