/** Lists the files and folders below a folder, sorted, without following links. */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/** Entries that one walk looks at; a folder with more is reported as cut short. */
export const walkEntriesMax = 10_000;

interface WalkEntry {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly absolute: string;
  readonly kind: "file" | "folder";
}

export interface Walk {
  readonly entries: readonly WalkEntry[];
  readonly cutShort: boolean;
}

/** Walks `folder`. What vanishes meanwhile is left out; a folder that cannot be read rejects. */
export async function walkFolder(
  folder: string,
  entriesMax: number = walkEntriesMax,
): Promise<Walk> {
  const found = await readdir(folder, { withFileTypes: true, recursive: true });
  const entries = found
    .map((entry) => toWalkEntry(folder, entry))
    .filter((entry) => entry !== undefined)
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return { entries: entries.slice(0, entriesMax), cutShort: entries.length > entriesMax };
}

function toWalkEntry(folder: string, entry: Dirent): WalkEntry | undefined {
  if (!entry.isFile() && !entry.isDirectory()) return undefined;
  const absolute = join(entry.parentPath, entry.name);
  const path = relative(folder, absolute).replaceAll("\\", "/");
  return { path, absolute, kind: entry.isFile() ? "file" : "folder" };
}
