/** The rows of a node that does not run. */
import { createLevelStore } from "@pulsemesh/store-level";
import { ALL_ROWS, encodeRows } from "./row-frames.ts";

/**
 * Opens the store of a data directory, reads all of it and closes it again.
 * @throws PulsemeshError `store-locked` when its node runs, `store-newer`, `store-failed`
 */
export async function* storedRowsOf(dir: string): AsyncGenerator<Uint8Array> {
  const store = createLevelStore({ dir });
  await store.open();
  try {
    yield* encodeRows(store.scan(ALL_ROWS));
  } finally {
    await store.close();
  }
}
