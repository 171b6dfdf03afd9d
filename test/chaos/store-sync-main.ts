/**
 * A process that commits and says so, for `store-sync.test.ts`: prints `acked <key>` once a commit was acknowledged.
 * Arguments: the data directory, and `sync` or `no-sync`.
 */
import { writeSync } from "node:fs";
import { createLevelStore } from "@pulsemesh/store-level";

const [dir, mode] = process.argv.slice(2);
if (dir === undefined) throw new Error("Usage: store-sync-main.ts DIR sync|no-sync");
const store = createLevelStore({ dir, sync: mode !== "no-sync" });
await store.open();

async function commit(key: string): Promise<void> {
  await store.commit([{ type: "put", key, value: new Uint8Array(100) }]);
  // Straight to the file descriptor, so that a trace shows the answer at the moment it is given.
  writeSync(1, `acked ${key}\n`);
}

for (let i = 0; i < 5; i++) await commit(`single-${i}`);
await Promise.all(Array.from({ length: 100 }, (_, i) => commit(`group-${i}`)));
// As `kill -9` would end it: nothing is closed, nothing more is written.
process.kill(process.pid, "SIGKILL");
