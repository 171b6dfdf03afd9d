/**
 * An empty node that joins one other and pulls everything: `node record-reader-main.ts DIR ADDRESS HASH` prints one JSON object, times in
 * milliseconds from the call of `createNode` (imports are none of sync's business).
 */
import { createNode } from "@pulsemesh/node";
import { round } from "./figures.ts";

const [dir = "", address = "", hash = ""] = process.argv.slice(2);
const POLL_EVERY_MS = 25;
const startedMs = performance.now();
const startedCpu = process.cpuUsage();
const node = await createNode({
  dataDir: dir,
  name: "reader",
  join: [address],
  listen: ["/ip4/127.0.0.1/tcp/0"],
});
const createdMs = performance.now() - startedMs;
while (node.fleetView().documentHash !== hash)
  await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
const syncedMs = performance.now() - startedMs;
const { user, system } = process.cpuUsage(startedCpu);
const result = {
  createdMs: round(createdMs),
  syncedMs: round(syncedMs),
  cpuMs: round((user + system) / 1_000),
};
await node.stop();
process.stdout.write(JSON.stringify(result), () => process.exit());
