/**
 * From the spawn of `pulsemesh run` to its first pulse, with a large fleet on disk: 10,000 records in 1,000 chains, each with a key of its
 * own whose signatures are verified at the start (rule CH5). The sign is the line `started` in its log, which is written in the turn in which the
 * first pulse is handed to the network. How long it takes until the gateway answers as well is told beside it.
 *
 *   node bench/start.bench.ts [--chains 1000] [--records 10000] [--starts 9]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { createNode } from "@pulsemesh/node";
import { fillStore, grantAuthors } from "./support/filled-store.ts";
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
const FLAGS = "--http 127.0.0.1:0 --listen /ip4/127.0.0.1/tcp/0 --log-format json --json".split(
  " ",
);
const dir = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));

interface Starts {
  readonly firstPulseMs: Figures;
  /** Until the gateway answers. */
  readonly openMs: Figures;
  readonly cpuMs: Figures;
  readonly rssMb: Figures;
}

/** A node that was started once, so that it has a key and a fleet, with what `authors` members have written. */
async function prepare(name: string, authors: number): Promise<void> {
  const dataDir = join(dir, name);
  const node = await createNode({ dataDir, name, listen: ["/ip4/127.0.0.1/tcp/0"] });
  const seeds = await grantAuthors(node, authors);
  await node.stop();
  await fillStore(dataDir, node.fleet, seeds, records / chains);
}

/** Milliseconds until `text` comes out of a stream. */
function until(stream: Readable, text: string, sinceMs: number): Promise<number> {
  let seen = "";
  return new Promise((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve(performance.now() - sinceMs);
    });
  });
}

/** Starts the node again and again on the same data; the first start, which may compact and compile, is not counted. */
async function measure(name: string): Promise<Starts> {
  const [firstPulseMs, openMs, cpuMs, rssMb]: number[][] = [[], [], [], []];
  for (let start = 0; start <= starts; start += 1) {
    const startedMs = performance.now();
    const args = [LAUNCHER, "run", "--data", join(dir, name), "--name", name, ...FLAGS];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const [pulseMs, printedMs] = await Promise.all([
      until(child.stderr, '"started"', startedMs),
      until(child.stdout, "{", startedMs),
    ]);
    const usage = usageOf(child.pid ?? 0);
    child.kill("SIGTERM");
    await ended;
    if (start === 0) continue;
    firstPulseMs?.push(pulseMs);
    openMs?.push(printedMs);
    cpuMs?.push(usage.cpuSeconds * 1_000);
    rssMb?.push(usage.rssMb);
    progress(`${name} ${start}: ${round(pulseMs)} ms, CPU ${round(usage.cpuSeconds * 1_000)} ms`);
  }
  return {
    firstPulseMs: figuresOf(firstPulseMs ?? []),
    openMs: figuresOf(openMs ?? []),
    cpuMs: figuresOf(cpuMs ?? []),
    rssMb: figuresOf(rssMb ?? []),
  };
}

await prepare("empty", 0);
await prepare("full", chains);
const empty = await measure("empty");
const full = await measure("full");
rmSync(dir, { recursive: true, force: true });
report("start", { chains, records, starts, goal: { firstPulseMs: 1_500 }, empty, full });
