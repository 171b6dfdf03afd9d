/**
 * Makes the golden store of a release: `node test/golden/make-store-main.ts 0.2.0` writes `test/golden/0.2.0/store.json`, its files and
 * what is in them. Run once, by the release that it is named after, and never again: later releases must open these very bytes (rule UP4).
 *
 * Two real nodes on loopback leave every kind of row that a healthy store has: a boot, robots with and without schedules, runs,
 * messages, chains of three authors with snapshots and parts, a member that left and was shrunk, an audit log. The keys in it are
 * this script's and worth nothing.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command, CommandResult } from "@pulsemesh/core";
import { createNode, type PulsemeshNode } from "@pulsemesh/node";
import { createLevelStore } from "@pulsemesh/store-level";

/** Of the stores that this release writes. */
const FORMAT = 1;
const WAIT_MS_MAX = 60_000;
const SHRINK_WAIT_MS = 5_000;
const LISTEN = ["/ip4/127.0.0.1/tcp/0"];
const release = process.argv[2] ?? "";
const target = fileURLToPath(new URL(`${release}/`, import.meta.url));
if (!/^\d+\.\d+\.\d+$/.test(release)) throw new Error("name the release: 0.2.0");
if (existsSync(join(target, "store.json")))
  throw new Error(`${target}store.json is there: it stays as it is`);
const dir = mkdtempSync(join(tmpdir(), "pulsemesh-golden-"));

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function start(name: string, join_: readonly string[] = []): Promise<PulsemeshNode> {
  const node = await createNode({
    dataDir: join(dir, name),
    name,
    region: "eu",
    profile: "local",
    listen: LISTEN,
    join: join_,
    open: join_.length === 0,
    agent: `pulsemesh/${release}`,
    // Snapshots, and the parts that they bring, come after so many changes.
    core: { snapshotAfterDeltas: 10, syncEveryMs: 2_000 },
  });
  await until(`${name} to be ready`, () => node.ready());
  return node;
}

async function command(node: PulsemeshNode, what: Command): Promise<CommandResult> {
  const result = await node.command(what);
  if (!result.ok) throw new Error(`${what.type} was refused: ${result.code} ${result.detail}`);
  return result;
}

async function beatAll(node: PulsemeshNode): Promise<void> {
  const hour = 3_600_000;
  await command(node, {
    type: "register",
    robot: "scanner",
    schedule: { type: "every", everyMs: hour, graceMs: hour, missed: 3, startupMs: hour },
    labels: { team: "security" },
  });
  await command(node, {
    type: "beat",
    robot: "scanner",
    kind: "start",
    runId: "run-1",
    create: "never",
  });
  await command(node, {
    type: "beat",
    robot: "scanner",
    kind: "exit",
    exitCode: 3,
    runId: "run-1",
    message: "three findings",
    create: "never",
  });
  await command(node, {
    type: "register",
    robot: "nightly",
    schedule: {
      type: "cron",
      line: "30 2 * * *",
      timeZone: "Europe/Berlin",
      graceMs: hour,
      startupMs: hour,
    },
    labels: {},
  });
  await command(node, { type: "beat", robot: "plain", kind: "beat", create: "heartbeat" });
  for (let lap = 0; lap < 25; lap += 1) {
    const patch = {
      status: "scanning",
      lap,
      nested: { list: [1, "two", null], gone: lap % 2 === 0 },
    };
    await command(node, { type: "patch-state", robot: "scanner", patch });
  }
  await command(node, {
    type: "patch-state",
    robot: "scanner",
    patch: { nested: { gone: null }, note: "grüße ☃" },
  });
}

const first = await start("golden");
const others: PulsemeshNode[] = [];
for (const name of ["second", "third", "fourth"]) others.push(await start(name, first.addresses()));
await beatAll(first);
for (const [index, other] of others.slice(0, 2).entries()) {
  await command(other, {
    type: "beat",
    robot: `robot-${index}`,
    kind: "beat",
    create: "heartbeat",
  });
  await command(other, { type: "patch-state", robot: `robot-${index}`, patch: { at: index } });
}
await until("one view", () =>
  others.every((other) => other.fleetView().documentHash === first.fleetView().documentHash),
);
for (const other of others.slice(1)) await other.stop({ mode: "leave" });
await until("two to be seen to have left", () => first.fleetView().nodes.length === 1);
// The fourth wrote nothing that has an effect: a round of sync later its chain is one row.
await new Promise((resolve) => setTimeout(resolve, SHRINK_WAIT_MS));
await first.stop();
// A second boot: an epoch that names the one before.
const again = await start("golden", others[0]?.addresses() ?? []);
await command(again, { type: "patch-state", robot: "plain", patch: { after: "a restart" } });
await until("one view again", () => {
  const [second] = others;
  return second?.fleetView().documentHash === again.fleetView().documentHash;
});
const { documentHash } = again.fleetView();
const verified = await again.auditVerify();
const robots = again
  .robots()
  .map(({ robot, state, labels, health }) => ({ robot, state, labels, health }));
const members = again
  .fleetView()
  .nodes.map(({ node, name, status }) => ({ node, name, left: status === "left" }));
const facts = { release, node: again.id, fleet: again.fleet, documentHash, robots, members };
await again.stop();
await others[0]?.stop();

const store = createLevelStore({ dir: join(dir, "golden") });
await store.open();
const kinds: Record<string, number> = {};
let boot = "";
for await (const { key, value } of store.scan({ gte: "", lt: "~" })) {
  const [kind = ""] = key.split("/", 1);
  kinds[kind] = (kinds[kind] ?? 0) + 1;
  if (key === "boot") boot = Buffer.from(value).toString("hex");
}
await store.close();
if (!verified.ok) throw new Error("the log that was made does not verify");
const files: Record<string, string> = {};
for (const path of readdirSync(join(dir, "golden"), {
  recursive: true,
  encoding: "utf8",
}).toSorted()) {
  const from = join(dir, "golden", path);
  const isHint = /(?:^|\/)(?:LOCK|LOG|LOG\.old|pid)$/.test(path);
  if (statSync(from).isFile() && !isHint) files[path] = readFileSync(from).toString("base64");
}
const audit = { size: verified.size, head: verified.head };
mkdirSync(target, { recursive: true });
writeFileSync(
  join(target, "store.json"),
  `${JSON.stringify({ ...facts, audit, boot, rows: kinds, format: FORMAT, files }, null, 2)}\n`,
);
rmSync(dir, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify(kinds)}\n`);
process.exit();
