/**
 * The format of a store beside the store: the file `format.json` in the data directory (rule UP2). LevelDB rewrites its files whenever it is
 * opened, so a release that must not touch a newer store has to know before. The number inside the store is what counts; this file says it
 * in advance, and a lost or damaged one says nothing.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";

/** What the file says. */
export interface FormatNote {
  readonly format: number;
  /** The release that wrote the store last, such as `pulsemesh/0.2.0`. */
  readonly release: string;
}

const FORMAT_FILE = "format.json";
const PRIVATE_MODE = 0o600;
/** Characters of the name of a release that are told. */
export const RELEASE_LENGTH_MAX: number = 128;

/** Undefined where there is none that can be read. */
export function readFormatNote(dir: string): FormatNote | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(join(dir, FORMAT_FILE), "utf8"));
    if (typeof json !== "object" || json === null) return undefined;
    const { format, release } = json as Readonly<Record<string, unknown>>;
    if (!Number.isSafeInteger(format) || typeof release !== "string") return undefined;
    return { format: format as number, release: release.slice(0, RELEASE_LENGTH_MAX) };
  } catch {
    return undefined;
  }
}

/** Writes it aside and puts it in place; called after the store itself is in that format. */
export function writeFormatNote(dir: string, note: FormatNote): void {
  const path = join(dir, FORMAT_FILE);
  const draft = `${path}.${process.pid}`;
  const file = openSync(draft, "w", PRIVATE_MODE);
  try {
    writeSync(file, `${JSON.stringify(note)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}
