/**
 * Preloaded into a node process by the soak bench, never by a release: at SIGUSR2 it collects garbage and appends one line of JSON, what
 * is left on the heap, to the file that PULSEMESH_BENCH_HEAP names. Needs `--expose-gc`.
 */
import { appendFileSync } from "node:fs";
import { getHeapSpaceStatistics } from "node:v8";

const path = process.env["PULSEMESH_BENCH_HEAP"];
/** Once is not enough for what finalizers let go. */
const COLLECTIONS = 3;

process.on("SIGUSR2", () => {
  if (path === undefined || globalThis.gc === undefined) return;
  for (let collection = 0; collection < COLLECTIONS; collection += 1) globalThis.gc();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  // Compiled code comes and goes with what V8 finds worth it; objects are what leaks.
  const objects = getHeapSpaceStatistics()
    .filter(({ space_name: name }) => /^(?:old|large_object)_space$/.test(name))
    .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
  const sample = { atMs: performance.now(), rss, heapUsed, objects, external, arrayBuffers };
  appendFileSync(path, `${JSON.stringify(sample)}\n`);
});
