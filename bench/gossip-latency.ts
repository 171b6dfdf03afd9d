/**
 * Time from `publish` on one process to the handler of each other, over 10 processes with one host each, with and without flood
 * publishing. `node bench/gossip-latency.ts [hosts] [rounds]` prints JSON.
 */
import { HostFleet } from "../test/support/host-fleet.ts";

const hosts = Number(process.argv[2] ?? 10);
const rounds = Number(process.argv[3] ?? 200);
const messageBytes = 400;
const everyMs = 50;

const results = [];
for (const floodPublish of [true, false]) results.push(await measure(floodPublish));
process.stdout.write(
  `${JSON.stringify({ bench: "gossip-latency", hosts, rounds, messageBytes, results, goals: { p50Ms: 15, p99Ms: 60 } })}\n`,
);

async function measure(floodPublish: boolean): Promise<object> {
  const fleet = new HostFleet({ hosts, processes: hosts, floodPublish });
  const startMs = await fleet.start();
  await fleet.settle(30_000);
  // Gossip meshes are grafted at the first heartbeats.
  await fleet.gossipLatenciesMs(hosts, messageBytes, everyMs);
  const before = await fleet.costs();
  const latenciesMs = (await fleet.gossipLatenciesMs(rounds, messageBytes, everyMs)).toSorted(
    (a, b) => a - b,
  );
  const after = await fleet.costs();
  await fleet.stop();
  const cpuMs = after.map((cost, index) => cost.cpuMs - (before[index]?.cpuMs ?? 0));
  return {
    floodPublish,
    startMs: round(startMs),
    delivered: latenciesMs.length,
    expected: rounds * (hosts - 1),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    largestMs: round(latenciesMs.at(-1) ?? NaN),
    cpuMsPerMessageAndHost: round(cpuMs.reduce((sum, value) => sum + value, 0) / hosts / rounds),
    rssMegabytes: round(Math.max(...after.map((cost) => cost.rssBytes)) / 1e6),
  };
}

function quantile(sorted: readonly number[], share: number): number {
  return round(sorted[Math.floor(share * (sorted.length - 1))] ?? NaN);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
