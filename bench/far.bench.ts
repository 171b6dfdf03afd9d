/**
 * A fleet far apart: three nodes, 200 ms each way between any two, two of them behind firewalls that let nobody in, so that what one writes reaches the other
 * by the third. Real processes and kernels' TCP, packets through a router in user space.
 *
 *   node bench/far.bench.ts [--writes 60] [--kills 6]
 */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Cables, namespacesMissing } from "../test/support/namespaces.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../test/support/node-process.ts";
import { WideArea } from "../test/support/wide-area.ts";
import { figuresOf, progress, report } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    writes: { type: "string", default: "60" },
    kills: { type: "string", default: "6" },
  },
});
const DELAY_MS = 200;
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 5;
const NAMES = ["public", "plant", "home"];
const LIVES = new Set(["up", "late"]);

/** From the answer to a write at one until the other shows it. */
async function writeMs(from: NodeProcess, to: NodeProcess, value: number): Promise<number> {
  const answer = await from.patch("arm", { value });
  if (answer.status !== 200) throw new Error(answer.text);
  return msUntil(`write ${value}`, async () => {
    return (await to.get("/api/v1/robots/arm/state")).text.includes(`"value":${value}}`);
  });
}

/** From a kill until both others say so. */
async function killMs(fleet: ProcessFleet, victim: NodeProcess): Promise<number> {
  const others = fleet.nodes.filter((node) => node !== victim);
  await victim.end("SIGKILL");
  const ms = await msUntil("the death", async () => {
    const seen = await Promise.all(others.map((node) => node.peerStatus(victim.options.name)));
    return seen.every((status) => status === "down");
  });
  await victim.start();
  // Down for the second time within ten minutes a node is `late (flapping)`, and lives.
  await waitFor("all to live", LIMIT_MS, async () => {
    const seen = await Promise.all(fleet.nodes.map((node) => node.peerStatuses()));
    return seen.every((statuses) => [...statuses.values()].every((status) => LIVES.has(status)));
  });
  return ms;
}

async function msUntil(what: string, holds: () => Promise<boolean>): Promise<number> {
  const begunMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - begunMs > LIMIT_MS) throw new Error(`In vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return performance.now() - begunMs;
}

async function measure(): Promise<object> {
  using cables = new Cables();
  const areShielded = [false, true, true];
  await using area = await WideArea.open(cables, { delayMs: DELAY_MS, areShielded });
  await using fleet = new ProcessFleet();
  for (const [index, name] of NAMES.entries()) {
    const { namespace = "", address = "" } = area.hosts[index] ?? {};
    const socketPath = join(fleet.dir, `${name}.sock`);
    await fleet.add(
      { name, region: name },
      { meshPort: 7_421, httpPort: 7_420, namespace: { name: namespace, address, socketPath } },
    );
  }
  await fleet.allSee(NAMES, "up", LIMIT_MS);
  const [plant, home] = [fleet.node("plant"), fleet.node("home")];
  await plant.beat("arm");
  await waitFor("the robot", LIMIT_MS, async () => {
    return (await home.get("/api/v1/robots/arm")).status === 200;
  });
  const writes: number[] = [];
  for (let i = 1; i <= Number(values.writes); i += 1) writes.push(await writeMs(plant, home, i));
  progress(`writes: ${JSON.stringify(figuresOf(writes))}`);
  const kills: number[] = [];
  for (let i = 0; i < Number(values.kills); i += 1) {
    kills.push(await killMs(fleet, plant));
    progress(`kill ${i + 1}: ${Math.round(kills.at(-1) ?? 0)} ms`);
  }
  return { delayMs: DELAY_MS, writeMs: figuresOf(writes), killMs: figuresOf(kills) };
}

const missing = namespacesMissing();
report("far", missing === undefined ? await measure() : { skipped: missing });
process.exit(0);
