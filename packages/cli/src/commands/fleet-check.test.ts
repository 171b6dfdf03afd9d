import type { FleetView } from "@pulsemesh/core";
import type { NodeMetric } from "@pulsemesh/node";
import { expect, test } from "vitest";
import { type CheckedNode, refuseForeignFleet } from "./fleet-check.ts";

function nodeWith(roster: number, foreign: number, ready = true): CheckedNode {
  const metric = (reason: string, value: number): NodeMetric => ({
    name: "rejected_total",
    help: "",
    type: "counter",
    samples: [{ labels: { reason }, value }],
  });
  return {
    fleet: "mine",
    ready: () => ready,
    fleetView: () => ({ roster }) as FleetView,
    metrics: () => [metric("version", 3), metric("foreign-fleet", foreign)],
  };
}

const join = ["/ip4/192.0.2.7/tcp/7421"];
const check = (node: CheckedNode, addresses: readonly string[] = join): Promise<void> =>
  refuseForeignFleet(node, "/data", addresses, new AbortController().signal);

test("CLI10 a folder that knows nobody and is answered by another fleet is a fleet-mismatch", async () => {
  await expect(check(nodeWith(1, 1))).rejects.toMatchObject({
    code: "fleet-mismatch",
    message: expect.stringContaining("/data belongs to fleet mine"),
  });
});

test("CLI10 strangers at the door are no reason to stop: known members, no --join, or a fleet just adopted", async () => {
  await check(nodeWith(2, 1));
  await check(nodeWith(1, 1), []);
  await check(nodeWith(1, 1, false));
});
