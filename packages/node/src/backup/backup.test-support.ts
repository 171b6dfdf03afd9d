/** A small node's folder, and a backup of it. */
import { join } from "node:path";
import type { StoreRow } from "@pulsemesh/core";
import { createLevelStore } from "@pulsemesh/store-level";
import { makeOpenFleet } from "../keys/open-fleet.test-support.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { openBackupFile } from "./backup-file.ts";
import { readNodeFolder } from "./node-folder.ts";
import { ALL_ROWS } from "./row-frames.ts";
import { storedRowsOf } from "./stored-rows.ts";
import { writeBackup } from "./write-backup.ts";

export const WALL_MS: number = 1_700_000_000_000;

/** A folder with a key, a fleet of its own and 40 rows. */
export async function makeNodeFolder(data: string): Promise<void> {
  await fillStore(data, 40);
  loadOrCreateKey(join(data, "node.key"));
  makeOpenFleet(data);
}

/** A store of robots' rows. */
export async function fillStore(at: string, rows: number, bytes: number = 200): Promise<void> {
  const store = createLevelStore({ dir: at });
  await store.open();
  await store.commit(
    Array.from({ length: rows }, (_, i) => ({
      type: "put",
      key: `robot/${String(i).padStart(6, "0")}/ä`,
      value: new Uint8Array(bytes).fill(i),
    })),
  );
  await store.close();
}

export async function rowsIn(at: string): Promise<readonly StoreRow[]> {
  const store = createLevelStore({ dir: at });
  await store.open();
  const rows: StoreRow[] = [];
  for await (const { key, value } of store.scan(ALL_ROWS))
    rows.push({ key, value: new Uint8Array(value) });
  await store.close();
  return rows;
}

/** Backs the folder `data` up to `file`. */
export async function backUp(data: string, file: string): Promise<void> {
  const draft = await openBackupFile(file);
  try {
    await writeBackup(readNodeFolder(data), storedRowsOf(data), draft.write, WALL_MS);
    await draft.finish();
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
