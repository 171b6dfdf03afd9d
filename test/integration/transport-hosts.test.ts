/** Many hosts on one machine: no dial may fail, and nobody may open more connections than it should. */
import { afterEach, expect, test } from "vitest";
import { HostFleet } from "../support/host-fleet.ts";

let fleet: HostFleet | undefined;
afterEach(() => fleet?.stop());

test("CH6 24 hosts in 2 processes that start at once and know one address all get to know each other, no dial fails", async () => {
  fleet = new HostFleet({ hosts: 24, processes: 2 });
  await fleet.start();
  const { allKnowAllMs, reports } = await fleet.settle(45_000);
  expect(allKnowAllMs).toBeDefined();
  expect(reports).toHaveLength(24);
  expect(reports.flatMap((report) => report.rejects)).toEqual([]);
  expect(Math.max(...reports.map((report) => report.dialsFailed))).toBe(0);
  expect(Math.max(...reports.map((report) => report.ownConnections))).toBeLessThanOrEqual(16);
  // Connections follow knowledge, and meshes follow connections.
  for (let round = 0; round < 15; round += 1) {
    if ((await fleet.gossipLatenciesMs(1, 400, 50)).length === 23) break;
  }
  const latenciesMs = await fleet.gossipLatenciesMs(10, 400, 50);
  expect(latenciesMs).toHaveLength(10 * 23);
  expect(
    Math.max(...(await fleet.reports()).map((report) => report.ownConnections)),
  ).toBeLessThanOrEqual(16);
}, 80_000);
