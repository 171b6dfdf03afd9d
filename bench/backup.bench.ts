/**
 * A backup of a live node with 10,000 records (issue of everyday operation): how long it takes, and the longest gap in its pulses that a
 * neighbour sees meanwhile.
 *
 *   node bench/backup.bench.ts [--records 10000] [--rounds 5]
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCli } from "../test/support/cli-process.ts";
import { type NodeProcess, ProcessFleet } from "../test/support/node-process.ts";
import { figuresOf, progress, report, round } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
  },
});
const RECORDS = Number(values.records);
const INTERVAL_MS = 1_000;
const BEATS_AT_ONCE = 32;

await using fleet = new ProcessFleet();
const node = await fleet.add({ name: "backed-up", region: "eu" });
const neighbour = await fleet.add({ name: "neighbour", region: "eu" });
await fleet.add({ name: "third", region: "us" });
await fleet.allSee(["backed-up", "neighbour", "third"], "up", 15_000);
await makeRecords(node);
progress(`${RECORDS} robots, each with a record`);

const quiet = await longestGapDuring(
  neighbour,
  () => new Promise((resolve) => setTimeout(resolve, 5_000)),
);
const takesMs: number[] = [];
const streamsMs: number[] = [];
const gapsMs: number[] = [];
const file = join(fleet.dir, "backup.tar");
let bytes = 0;
for (let turn = 1; turn <= Number(values.rounds); turn += 1) {
  const gapMs = await longestGapDuring(neighbour, async () => {
    const startedMs = performance.now();
    const url = `http://127.0.0.1:${node.options.httpPort}`;
    const { code, err } = await runCli([
      "backup",
      file,
      "--data",
      node.options.dataDir,
      "--url",
      url,
    ]);
    if (code !== 0) throw new Error(`backup ended with ${code}: ${err}`);
    takesMs.push(performance.now() - startedMs);
  });
  gapsMs.push(gapMs);
  const startedMs = performance.now();
  await node.get("/api/v1/backup");
  streamsMs.push(performance.now() - startedMs);
  bytes = statSync(file).size;
  rmSync(file);
  progress(`${turn}: ${round(takesMs.at(-1) ?? 0)} ms, longest gap ${round(gapMs)} ms`);
}
const bareStartedMs = performance.now();
await runCli(["version"]);
const bareCommandMs = round(performance.now() - bareStartedMs);
report("backup", {
  records: RECORDS,
  bytes,
  commandMs: figuresOf(takesMs),
  streamMs: figuresOf(streamsMs),
  bareCommandMs,
  longestGapIntervals: round(Math.max(...gapsMs) / INTERVAL_MS),
  longestGapIntervalsQuiet: round(quiet / INTERVAL_MS),
});

async function makeRecords(at: NodeProcess): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < RECORDS; i = next++) {
      const { status, text } = await at.beat(`robot-${i}`);
      if (status !== 200) throw new Error(`beat ${i} was answered ${status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: BEATS_AT_ONCE }, work));
}

/** The oldest that the newest pulse ever was, as the neighbour dates it, while something was done. */
async function longestGapDuring(at: NodeProcess, work: () => Promise<unknown>): Promise<number> {
  let isDone = false;
  let longestMs = 0;
  const look = (async () => {
    while (!isDone) {
      const { peers } = (await at.json("/api/v1/peers")) as unknown as {
        readonly peers: readonly {
          readonly name: string;
          readonly last_pulse_age_ms: number | null;
        }[];
      };
      const age = peers.find(({ name }) => name === "backed-up")?.last_pulse_age_ms ?? 0;
      longestMs = Math.max(longestMs, age);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await work();
  isDone = true;
  await look;
  return longestMs;
}
