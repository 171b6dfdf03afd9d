/**
 * How long a newcomer waits (DESIGN §9): `pulsemesh dev --nodes 3` until its live view shows three nodes and three robots up, and
 * `pulsemesh run` until it is ready, which is after its first pulse; with compiled code kept from an earlier start, and without.
 *
 *   node bench/first-use.bench.ts [--starts 5]
 *
 * Unbundled: TypeScript sources, types stripped at start. A bare `node -e 0` is the base line. Installing is not measured here.
 */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ProcessFleet } from "../test/support/node-process.ts";
import { figuresOf, progress, report, round, type Figures } from "./support/figures.ts";
import { usageOf } from "./support/process-usage.ts";

const { values } = parseArgs({ options: { starts: { type: "string", default: "5" } } });
const starts = Number(values.starts);
const LAUNCHER = fileURLToPath(new URL("../packages/cli/bin/pulsemesh.js", import.meta.url));
const NODES = 3;
const ROBOTS = 3;
const DEV_WAIT_MS_MAX = 60_000;

/** Milliseconds from the start of `dev` to the line by which everything was shown up. */
async function devUpMs(): Promise<number> {
  const startedMs = performance.now();
  const args = [LAUNCHER, "dev", "--nodes", String(NODES), "--http-base", "17420"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const patience = setTimeout(() => child.kill("SIGTERM"), DEV_WAIT_MS_MAX);
  const [nodes, robots] = [new Set<string>(), new Set<string>()];
  let upMs = Number.NaN;
  for await (const line of createInterface({ input: child.stdout })) {
    const [, kind, name] = /(node|robot) (\S+): .*\bup\b/.exec(line) ?? [];
    if (name !== undefined) (kind === "node" ? nodes : robots).add(name);
    if (nodes.size < NODES || robots.size < ROBOTS || !Number.isNaN(upMs)) continue;
    upMs = performance.now() - startedMs;
    child.kill("SIGINT");
  }
  await ended;
  clearTimeout(patience);
  return upMs;
}

interface Start {
  readonly readyMs: Figures;
  readonly cpuMs: Figures;
  readonly rssMb: Figures;
}

/** Starts one node again and again on the same data. */
async function runReady(name: string, env: Readonly<Record<string, string>>): Promise<Start> {
  await using fleet = new ProcessFleet();
  const node = await fleet.add({ name: "started", region: "eu" }, { env });
  const [readyMs, cpuMs, rssMb]: [number[], number[], number[]] = [[], [], []];
  for (let start = 0; start < starts; start += 1) {
    await node.end("SIGTERM");
    const startedMs = performance.now();
    await node.start();
    readyMs.push(performance.now() - startedMs);
    const usage = usageOf(node.pid);
    cpuMs.push(usage.cpuSeconds * 1_000);
    rssMb.push(usage.rssMb);
  }
  const result = {
    readyMs: figuresOf(readyMs),
    cpuMs: figuresOf(cpuMs),
    rssMb: figuresOf(rssMb),
  };
  progress(`${name}: ${JSON.stringify(result)}`);
  return result;
}

const bareStartedMs = performance.now();
spawnSync(process.execPath, ["-e", "0"]);
const bareNodeMs = round(performance.now() - bareStartedMs);
const uncached = await runReady("without kept code", { NODE_DISABLE_COMPILE_CACHE: "1" });
const cached = await runReady("with kept code", {});
const dev: number[] = [];
for (let start = 0; start < starts; start += 1) {
  dev.push(await devUpMs());
  progress(`dev: ${round(dev.at(-1) ?? Number.NaN)} ms`);
}
report("first-use", {
  starts,
  goal: { devWarmMs: 5_000, runReadyMs: 800, rssMb: 150 },
  bareNodeMs,
  dev: { nodes: NODES, robots: ROBOTS, upMs: figuresOf(dev) },
  run: { cached, uncached },
});
