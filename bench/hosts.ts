/**
 * 64 libp2p hosts in 4 processes on one machine, all started at once, all joining by one address: failed dials, time until
 * all know all, connections of each host's own choosing. `node bench/hosts.ts [hosts] [processes]` prints JSON.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HostFleet } from "../test/support/host-fleet.ts";

const hosts = Number(process.argv[2] ?? 64);
const processes = Number(process.argv[3] ?? 4);
const limitMs = 60_000;
const settleMs = 15_000;

const fleet = new HostFleet({ hosts, processes });
await fleet.start();
const { allKnowAllMs } = await fleet.settle(limitMs);
// Knowing comes first, connections follow: what counts is how many there are in the end.
await sleep(settleMs);
const reports = await fleet.reports();
const costs = await fleet.costs();
await fleet.stop();

const result = {
  bench: "hosts",
  hosts,
  processes,
  allKnowAllMs: allKnowAllMs === undefined ? null : Math.round(allKnowAllMs),
  dialsBegun: sum(reports.map((report) => report.dialsBegun)),
  dialsFailed: sum(reports.map((report) => report.dialsFailed)),
  rejects: reports.flatMap((report) => report.rejects).length,
  ownConnectionsLargest: Math.max(...reports.map((report) => report.ownConnections)),
  peersSmallest: Math.min(...reports.map((report) => report.peers)),
  peersLargest: Math.max(...reports.map((report) => report.peers)),
  cpuMs: Math.round(sum(costs.map((cost) => cost.cpuMs))),
  rssMegabytes: costs.map((cost) => Math.round(cost.rssBytes / 1e6)),
  goals: { allKnowAllMs: 10_000, dialsFailed: 0, ownConnectionsLargest: 16 },
};
process.stdout.write(`${JSON.stringify(result)}\n`);

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
