/**
 * How long it takes until all show the same after a partition, by what both sides wrote meanwhile: three processes, one of them behind a
 * cable that is pulled, and robots' states patched one by one on both sides (promise P9).
 *
 *   node bench/heal.bench.ts [--changes 1000,10000] [--rounds 5] [--robots 100]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cables, namespacesMissing } from "../test/support/namespaces.ts";
import { ProcessFleet, waitFor, type NodeProcess } from "../test/support/node-process.ts";
import { figuresOf, progress, report, type Figures } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    changes: { type: "string", default: "1000,10000" },
    rounds: { type: "string", default: "5" },
    robots: { type: "string", default: "100" },
  },
});
const sizes = values.changes.split(",").map(Number);
const rounds = Number(values.rounds);
const robots = Number(values.robots);
/** Requests under way at one node. */
const AT_ONCE = 16;
const HEAL_MS_MAX = 60_000;
const NAMES = ["a1", "a2", "b1"];

let written = 0;

/** Writes so many changes at one node, over its robots in turn. */
async function change(node: NodeProcess, changes: number): Promise<void> {
  let left = changes;
  const one = async (): Promise<void> => {
    while (left > 0) {
      const robot = `${node.options.name}-${left-- % robots}`;
      const answer = await node.patch(robot, { at: ++written });
      if (answer.status !== 200) throw new Error(answer.text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** From the healing of the cable to equal hashes on all three. */
async function healMs(fleet: ProcessFleet, cables: Cables, changes: number): Promise<number> {
  const [a1, b1] = [fleet.node("a1"), fleet.node("b1")];
  cables.cut();
  await waitFor("the sides to notice", HEAL_MS_MAX, async () => {
    return (await a1.peerStatus("b1")) === "down" && (await b1.peerStatus("a1")) === "unknown";
  });
  await Promise.all([change(a1, changes), change(b1, changes)]);
  cables.heal();
  return waitFor("equal hashes", HEAL_MS_MAX, async () => {
    return new Set(await fleet.hashes(NAMES)).size === 1;
  });
}

async function isLive(fleet: ProcessFleet): Promise<boolean> {
  for (const name of NAMES)
    for (const status of (await fleet.node(name).peerStatuses()).values())
      if (status !== "up" && status !== "late") return false;
  return true;
}

async function measure(): Promise<readonly { readonly changes: number; readonly ms: Figures }[]> {
  using cables = new Cables();
  await using fleet = new ProcessFleet();
  for (const name of NAMES) {
    const host = cables.host(name.startsWith("a") ? "left" : "right");
    const socketPath = join(fleet.dir, `${name}.sock`);
    await fleet.add(
      { name, region: "eu" },
      {
        meshPort: 7421,
        httpPort: 7420,
        namespace: { name: host.namespace, address: host.address, socketPath },
      },
    );
  }
  await fleet.allSee(NAMES, "up", HEAL_MS_MAX);
  for (const name of ["a1", "b1"])
    for (let i = 0; i < robots; i += 1) await fleet.node(name).beat(`${name}-${i}`);
  const results: { readonly changes: number; readonly ms: Figures }[] = [];
  for (const changes of sizes) {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      samples.push(await healMs(fleet, cables, changes));
      progress(
        `${changes} changes a side, round ${round + 1}: ${Math.round(samples.at(-1) ?? 0)} ms`,
      );
      // Cut for the second time within ten minutes a node is `late (flapping)`, and lives.
      await waitFor("all to live", HEAL_MS_MAX, async () => isLive(fleet));
    }
    results.push({ changes, ms: figuresOf(samples) });
  }
  return results;
}

const missing = namespacesMissing();
if (missing === undefined) report("heal", { robots, results: await measure() });
else report("heal", { skipped: missing, results: [] });
