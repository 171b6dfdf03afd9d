/**
 * From the spawn of `pulsemesh run` to its first pulse, with a large fleet on disk: 10,000 records in 1,000 chains, each with a key of its
 * own whose signatures are verified at the start (rule CH5). The line that `run` prints is the sign, which comes after the first
 * pulse and the opening of the gateway, so the figure is never too small.
 *
 *   node bench/start.bench.ts [--chains 1000] [--records 10000] [--starts 9]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createNode } from "@pulsemesh/node";
import { fillStore } from "./support/filled-store.ts";
import { type Figures, figuresOf, progress, report, round } from "./support/figures.ts";
import { usageOf } from "./support/process-usage.ts";

const { values } = parseArgs({
  options: {
    chains: { type: "string", default: "1000" },
    records: { type: "string", default: "10000" },
    starts: { type: "string", default: "9" },
  },
});
const chains = Number(values.chains);
const records = Number(values.records);
const starts = Number(values.starts);
const LAUNCHER = fileURLToPath(new URL("../packages/cli/bin/pulsemesh.js", import.meta.url));
const FLAGS = ["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--json"];
const dir = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));

interface Starts {
  readonly firstPulseMs: Figures;
  readonly cpuMs: Figures;
  readonly rssMb: Figures;
}

/** A node that was started once, so that it has a key and a fleet. */
async function prepare(name: string): Promise<string> {
  const dataDir = join(dir, name);
  const node = await createNode({ dataDir, name, listen: ["/ip4/127.0.0.1/tcp/0"] });
  const { fleet } = node;
  await node.stop();
  return fleet;
}

/** Starts the node again and again on the same data; the first start, which may compact and compile, is not counted. */
async function measure(name: string): Promise<Starts> {
  const [firstPulseMs, cpuMs, rssMb]: [number[], number[], number[]] = [[], [], []];
  for (let start = 0; start <= starts; start += 1) {
    const startedMs = performance.now();
    const args = [LAUNCHER, "run", "--data", join(dir, name), "--name", name, ...FLAGS];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    const tookMs = performance.now() - startedMs;
    const usage = usageOf(child.pid ?? 0);
    child.kill("SIGTERM");
    await ended;
    if (start === 0) continue;
    firstPulseMs.push(tookMs);
    cpuMs.push(usage.cpuSeconds * 1_000);
    rssMb.push(usage.rssMb);
    progress(`${name} ${start}: ${round(tookMs)} ms, CPU ${round(usage.cpuSeconds * 1_000)} ms`);
  }
  return {
    firstPulseMs: figuresOf(firstPulseMs),
    cpuMs: figuresOf(cpuMs),
    rssMb: figuresOf(rssMb),
  };
}

await prepare("empty");
await fillStore(join(dir, "full"), await prepare("full"), chains, records / chains);
const empty = await measure("empty");
const full = await measure("full");
rmSync(dir, { recursive: true, force: true });
report("start", { chains, records, starts, goal: { firstPulseMs: 1_500 }, empty, full });
