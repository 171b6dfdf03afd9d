/**
 * Signed records through a whole node (DESIGN §9): 10,000 robots' states in by command, durable; all of it to an empty node in a second
 * process over libp2p on loopback; and what 100,000 updates of one robot, and of 100 in turn, leave on disk.
 *
 *   node bench/records.bench.ts [--records 10000] [--updates 100000] [--callers 256]
 *
 * The base line in the same run signs 10,000 messages with Ed25519 and puts them into the same store, one group commit after the other.
 */
import { spawn } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Command } from "@pulsemesh/core";
import { createNode, type PulsemeshNode } from "@pulsemesh/node";
import { createLevelStore } from "@pulsemesh/store-level";
import { liveBytesOf } from "../packages/doc-yjs/src/plain-yjs.bench.ts";
import { progress, report, round } from "./support/figures.ts";
import { storedParts, storeSize, type RowsSize } from "./support/store-size.ts";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "10000" },
    updates: { type: "string", default: "100000" },
    callers: { type: "string", default: "256" },
  },
});
const records = Number(values.records);
const updates = Number(values.updates);
const callers = Number(values.callers);
const dir = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Runs `count` jobs, `callers` at a time, and says what that took. */
async function timed(
  name: string,
  count: number,
  job: (index: number) => Promise<void>,
): Promise<Cost> {
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await job(index);
  };
  await Promise.all(Array.from({ length: callers }, work));
  const { user, system } = process.cpuUsage(startedCpu);
  const cost = {
    wallMs: round(performance.now() - startedMs),
    cpuMs: round((user + system) / 1_000),
  };
  progress(`${name}: ${JSON.stringify(cost)}`);
  return cost;
}

/** A node that takes commands: its first boot may take seconds on a disk that others use. */
async function start(name: string): Promise<PulsemeshNode> {
  const node = await createNode({
    dataDir: join(dir, name),
    name,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    open: true,
  });
  while (!node.ready()) await new Promise((resolve) => setTimeout(resolve, 10));
  return node;
}

async function command(node: PulsemeshNode, what: Command): Promise<void> {
  const result = await node.command(what);
  if (!result.ok) throw new Error(`${what.type} was refused: ${result.code}`);
}

function register(node: PulsemeshNode, robots: number): Promise<Cost> {
  return timed(`register ${robots}`, robots, (index) =>
    command(node, { type: "beat", robot: `robot-${index}`, kind: "beat", create: "heartbeat" }),
  );
}

/** As many states as there are updates, the robots in turn. */
function update(node: PulsemeshNode, count: number, robots: number): Promise<Cost> {
  return timed(`${count} updates of ${robots}`, count, (index) =>
    command(node, {
      type: "patch-state",
      robot: `robot-${index % robots}`,
      patch: { status: "scanning", progress: index },
    }),
  );
}

async function bare(): Promise<Cost> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const store = createLevelStore({ dir: join(dir, "bare") });
  await store.open();
  const cost = await timed("bare", records, async (index) => {
    const body = Buffer.from(JSON.stringify({ index, status: "scanning" }));
    const value = Buffer.concat([sign(null, body, privateKey), body]);
    await store.commit([{ type: "put", key: `entry/${index}`, value }]);
  });
  await store.close();
  return cost;
}

async function sync(writer: PulsemeshNode): Promise<object> {
  const main = fileURLToPath(new URL("support/record-reader-main.ts", import.meta.url));
  const { documentHash } = writer.fleetView();
  const args = [main, join(dir, "reader"), writer.addresses()[0] ?? "", documentHash];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const startedCpu = process.cpuUsage();
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  const { user, system } = process.cpuUsage(startedCpu);
  const result = { ...(JSON.parse(text) as object), writerCpuMs: round((user + system) / 1_000) };
  progress(`sync: ${JSON.stringify(result)}`);
  return result;
}

/** Updates of `robots` robots, and the rows of chain and snapshot parts that are left when the node has stopped; live bytes are those that the snapshot holds. */
async function churn(robots: number): Promise<object> {
  const name = `churn-${robots}`;
  const node = await start(name);
  await register(node, robots);
  const cost = await update(node, updates, robots);
  await node.stop();
  const sizes: Readonly<Record<string, RowsSize>> = await storeSize(join(dir, name));
  const { chain, part, audit } = sizes;
  const live = { bytes: liveBytesOf(await storedParts(join(dir, name))) };
  progress(`left: ${JSON.stringify({ ...sizes, live })}`);
  return { robots, cost, chain, part, live, audit };
}

const base = await bare();
const writer = await start("writer");
const registered = await register(writer, records);
const ingested = await update(writer, records, records);
const synced = await sync(writer);
await writer.stop();
const churned = [await churn(1), await churn(100)];
rmSync(dir, { recursive: true, force: true });
report("records", {
  records,
  updates,
  callers,
  goal: { ingestMs: 5_000, syncMs: 3_000 },
  register: registered,
  ingest: ingested,
  sync: synced,
  churn: churned,
  bare: base,
});
process.exit();
