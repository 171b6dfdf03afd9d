/**
 * A node on a disk that fills up, watched by one that is not, for `node-full.test.ts`. Arguments: a directory on the small disk that holds a
 * file `ballast`, and one elsewhere. Prints one JSON line: what happened before, while and after the disk was full.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PulsemeshError, type Status } from "@pulsemesh/core";
import { createNode, type PulsemeshNode } from "@pulsemesh/node";
import { until } from "../support/until.ts";

const [small, large] = process.argv.slice(2);
if (small === undefined || large === undefined)
  throw new Error("Usage: node-full-main.ts SMALL LARGE");

const FULL_FOR_MS = 5_000;
/** Writes at a time: the changes of all but the first wait inside core for the next entry. */
const WRITERS = 8;
const listen = ["/ip4/127.0.0.1/tcp/0"];
const watcher = await createNode({
  dataDir: large,
  name: "watcher",
  listen,
  profile: "local",
  open: true,
});
const options = {
  dataDir: join(small, "data"),
  name: "full",
  listen,
  profile: "local",
  join: watcher.addresses(),
} as const;
let node = await createNode(options);
const statusOf = (): Status | undefined =>
  watcher.fleetView().nodes.find((each) => each.node === node.id)?.status;
await until("they see each other", () => node.ready() && statusOf() === "up");

/** Writes states of 8 kB that no compression shrinks, to one robot after the other; the last code that was refused, or none. */
async function write(to: PulsemeshNode, robot: string): Promise<string | undefined> {
  try {
    await to.command({ type: "beat", robot, kind: "beat", create: "heartbeat" });
    const patch = { blob: randomBytes(6_000).toString("base64") };
    const result = await to.command({ type: "patch-state", robot, patch });
    return result.ok ? undefined : result.code;
  } catch (error) {
    return error instanceof PulsemeshError ? error.code : String(error);
  }
}

const acked: string[] = [];
let code: string | undefined;
let roundMs = 0;
for (let round = 0; code === undefined; round++) {
  const robots = Array.from(
    { length: WRITERS },
    (_, writer) => `robot-${round * WRITERS + writer}`,
  );
  const startedMs = performance.now();
  const refused = await Promise.all(robots.map((robot) => write(node, robot)));
  roundMs = Math.round(performance.now() - startedMs);
  acked.push(...robots.filter((_, i) => refused[i] === undefined));
  code = refused.find((each) => each !== undefined);
}
const statuses = new Set<Status | undefined>();
const codes = new Set<string | undefined>();
for (const endMs = performance.now() + FULL_FOR_MS; performance.now() < endMs; await sleep(100)) {
  statuses.add(statusOf());
  codes.add(await write(node, "late"));
}
rmSync(join(small, "ballast"));
const freedMs = performance.now();
await until("it takes writes again", async () => (await write(node, "late")) === undefined, 20_000);
const recoveredMs = Math.round(performance.now() - freedMs);
const { boot } = node.fleetView().self;
await node.stop();
node = await createNode(options);
await until("it is back", () => node.ready());
const kept = acked.filter((robot) => node.robot(robot)?.state["blob"] !== undefined).length;
const audit = await node.auditVerify();
await node.stop();
await watcher.stop();
const report = {
  code,
  refusedMs: roundMs,
  acked: acked.length,
  kept,
  statuses: [...statuses],
  codes: [...codes],
  recoveredMs,
  boot,
  audit: audit.ok,
};
console.log(`report ${JSON.stringify(report)}`);
