/**
 * What one sidecar costs (DESIGN §9): start to the first pulse, resident memory and CPU with 100 robots that beat every 10 s.
 *
 *   node bench/sidecar.bench.ts [--starts 5] [--seconds 60] [--bundled]
 *
 * Unbundled: TypeScript sources, types stripped at start. Bundled: what images and services run (`deploy/install.sh`). A bare
 * `node -e 0` in the same run is the base line.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ProcessFleet } from "../test/support/node-process.ts";
import { figuresOf, progress, report, round } from "./support/figures.ts";
import { usageOf } from "./support/process-usage.ts";

const { values } = parseArgs({
  options: {
    starts: { type: "string", default: "5" },
    seconds: { type: "string", default: "60" },
    bundled: { type: "boolean", default: false },
  },
});
const ROBOTS = 100;
const EVERY_MS = 10_000;

await using fleet = new ProcessFleet();
const starts: number[] = [];
// As the image and the unit set it.
const env: Readonly<Record<string, string>> = values.bundled ? { MALLOC_ARENA_MAX: "2" } : {};
const main = values.bundled ? install(join(fleet.dir, "installed")) : undefined;
const node = await fleet.add({ name: "sidecar", region: "eu" }, { main, env });
for (let start = 0; start < Number(values.starts); start += 1) {
  await node.end("SIGTERM");
  const startedMs = performance.now();
  await node.start();
  starts.push(performance.now() - startedMs);
  progress(
    `start ${start + 1}: ${round(starts.at(-1) ?? 0)} ms until ready (the first pulse is published before)`,
  );
}
const bareStartedMs = performance.now();
spawnSync(process.execPath, ["-e", "0"]);
const bareMs = performance.now() - bareStartedMs;

await fleet.add({ name: "second", region: "us" }, { main, env });
await fleet.add({ name: "third", region: "eu" }, { main, env });
await fleet.allSee(["sidecar", "second", "third"], "up", 15_000);
const beats = setInterval(() => {
  const robot = `robot-${beat % ROBOTS}`;
  beat += 1;
  // One that is under way when the bench ends is nobody's any more.
  node.beat(robot).catch(() => undefined);
}, EVERY_MS / ROBOTS);
let beat = 0;
await new Promise((resolve) => setTimeout(resolve, EVERY_MS + 1_000));
const before = usageOf(node.pid);
const rss: number[] = [];
const measuredMs = Number(values.seconds) * 1_000;
for (let passedMs = 0; passedMs < measuredMs; passedMs += 1_000) {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  rss.push(usageOf(node.pid).rssMb);
}
const cpuShare = (usageOf(node.pid).cpuSeconds - before.cpuSeconds) / (measuredMs / 1_000);
clearInterval(beats);
report(values.bundled ? "sidecar-bundled" : "sidecar", {
  robots: ROBOTS,
  everyMs: EVERY_MS,
  goal: values.bundled
    ? { rssMb: 100, cpuPercent: 3, startMs: 600 }
    : { rssMb: 150, cpuPercent: 3, startMs: 800 },
  bareNodeStartMs: round(bareMs),
  startToReadyMs: figuresOf(starts),
  rssMb: figuresOf(rss),
  cpuPercent: round(cpuShare * 100),
});

/** The folder that images and services run from; returns its program. */
function install(folder: string): string {
  const script = join(import.meta.dirname, "..", "deploy", "install.sh");
  execFileSync(script, [folder], { stdio: ["ignore", "ignore", "inherit"] });
  return join(folder, "bin", "pulsemesh.js");
}
