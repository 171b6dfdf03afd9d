/** The rows of a node that does not run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PulsemeshError, STORE_FORMAT, type Store } from "@pulsemesh/core";
import { createLevelStore, readFormatNote } from "@pulsemesh/store-level";
import { ALL_ROWS, encodeRows } from "./row-frames.ts";

/**
 * Opens the store of a data directory, reads all of it and closes it again.
 * @throws PulsemeshError `store-locked` when its node runs, `store-newer`, `store-failed`, `data-dir-unusable` when there is none: opening
 * would make an empty one, and its backup would look like one of a node
 */
export async function* storedRowsOf(dir: string): AsyncGenerator<Uint8Array> {
  if (!existsSync(join(dir, "store", "CURRENT"))) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot back up ${dir}: there is no store in it. Nothing was changed.`,
    );
  }
  const { store, format } = await openAsItIs(dir);
  try {
    yield* encodeRows(store.scan(ALL_ROWS), format);
  } finally {
    await store.close();
  }
}

/** In the format that it has: whoever takes a backup before an upgrade wants to be able to go back. */
async function openAsItIs(
  dir: string,
): Promise<{ readonly store: Store; readonly format: number }> {
  const noted = Math.min(readFormatNote(dir)?.format ?? STORE_FORMAT, STORE_FORMAT);
  const store = createLevelStore({ dir, format: noted });
  try {
    await store.open();
    return { store, format: noted };
  } catch (error) {
    const isNoteOld = error instanceof PulsemeshError && error.code === "store-newer";
    if (!isNoteOld || noted === STORE_FORMAT) throw error;
  }
  // The note beside the store is written after the store itself.
  const upToDate = createLevelStore({ dir });
  await upToDate.open();
  return { store: upToDate, format: STORE_FORMAT };
}
