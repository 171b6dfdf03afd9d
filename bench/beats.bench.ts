/**
 * HTTP beats, durable before they are answered, with the mesh on (DESIGN §9, rule DU2): how many a second one node of three takes, and
 * how long they wait at half the goal.
 *
 *   node bench/beats.bench.ts [--seconds 8] [--connections 256] [--robots 4000] [--half 5000]
 *
 * The base line in the same run is fastify with the same LevelDB group commit and nothing else. CPU per beat, from the kernel's accounts,
 * is what compares on a machine that others use too.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ProcessFleet } from "../test/support/node-process.ts";
import type { BeatLoad, BeatLoadResult } from "./support/beat-load-main.ts";
import { progress, report, round } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    connections: { type: "string", default: "256" },
    robots: { type: "string", default: "4000" },
    half: { type: "string", default: "5000" },
  },
});
const WARM_UP_SECONDS = 3;
const common = {
  connections: Number(values.connections),
  robots: Number(values.robots),
  seconds: Number(values.seconds),
  warmUpSeconds: WARM_UP_SECONDS,
};

/** Runs one load in a process of its own. */
async function measure(name: string, load: BeatLoad): Promise<BeatLoadResult> {
  const main = fileURLToPath(new URL("support/beat-load-main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, JSON.stringify(load)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  const result = JSON.parse(text) as BeatLoadResult;
  progress(`${name}: ${JSON.stringify(result)}`);
  return result;
}

await using fleet = new ProcessFleet();
for (const name of ["loaded", "second", "third"]) await fleet.add({ name, region: "eu" });
await fleet.allSee(["loaded", "second", "third"], "up", 30_000);

const bareMain = fileURLToPath(new URL("support/bare-beats-main.ts", import.meta.url));
const bare = spawn(process.execPath, [bareMain, join(fleet.dir, "bare")], {
  stdio: ["ignore", "pipe", "inherit"],
});
const barePort = await new Promise<number>((resolve) => {
  bare.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
});
const onBare = { ...common, port: barePort, serverPid: bare.pid ?? 0 };
const loaded = fleet.node("loaded");
const onMesh = { ...common, port: loaded.options.httpPort, serverPid: loaded.pid };
const perSecond = Number(values.half);

const bareMost = await measure("bare, most", onBare);
const bareHalf = await measure("bare, half", { ...onBare, perSecond });
bare.kill();
const meshMost = await measure("mesh, most", onMesh);
const meshHalf = await measure("mesh, half", { ...onMesh, perSecond });
report("beats", {
  ...common,
  goal: { perSecond: 10_000, p99MsAtHalf: 25 },
  mesh: { most: meshMost, half: meshHalf },
  bare: { most: bareMost, half: bareHalf },
  ratioToBare: {
    perSecond: round(meshMost.answersPerSecond / bareMost.answersPerSecond),
    cpuPerBeat: round(meshMost.serverCpuMicrosPerBeat / bareMost.serverCpuMicrosPerBeat),
  },
});
