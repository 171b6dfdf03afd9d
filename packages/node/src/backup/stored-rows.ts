/** The rows of a node that does not run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { createLevelStore } from "@pulsemesh/store-level";
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
  const store = createLevelStore({ dir });
  await store.open();
  try {
    yield* encodeRows(store.scan(ALL_ROWS));
  } finally {
    await store.close();
  }
}
