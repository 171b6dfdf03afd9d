/**
 * Fills a small disk, for `store-full.test.ts`. Argument: a directory on the small disk that holds a file `ballast`.
 * Prints one JSON line: what happened before, at and after the disk was full.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { createLevelStore } from "@pulsemesh/store-level";

const dir = process.argv[2];
if (dir === undefined) throw new Error("Usage: store-full-main.ts DIR");
const store = createLevelStore({ dir: join(dir, "data") });
await store.open();

async function fill(prefix: string): Promise<{ readonly acked: number; readonly code: string }> {
  for (let acked = 0; ; acked++) {
    try {
      await store.commit([
        { type: "put", key: `${prefix}${acked}`, value: new Uint8Array(10_000) },
      ]);
    } catch (error) {
      return { acked, code: error instanceof PulsemeshError ? error.code : String(error) };
    }
  }
}

async function count(prefix: string): Promise<number> {
  let rows = 0;
  for await (const _ of store.scan({ gte: prefix, lt: `${prefix}~` })) rows += 1;
  return rows;
}

const first = await fill("a");
const stillFailing = await store
  .open()
  .then(
    () =>
      store
        .commit([{ type: "put", key: "b", value: new Uint8Array(1_000_000) }])
        .then(() => "committed", String),
    String,
  );
rmSync(join(dir, "ballast"));
await store.open();
await store.commit([{ type: "put", key: "c", value: new Uint8Array(1_000_000) }]);
const kept = await count("a");
const after = (await store.get("c"))?.length;
await store.close();
console.log(JSON.stringify({ ...first, stillFailing, kept, after }));
