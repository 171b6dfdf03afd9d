/** Deaths in the moments in which a region comes back into reach (rules VE4, VE2). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

function names(region: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${region}-${10 + index}`);
}

function fleetOf(...nodes: readonly NodeId[]): VirtualNeighbours {
  const regionOf = (node: NodeId): string => node.split("-")[0] ?? "";
  const mesh = new VirtualNeighbours(nodes, createTestPorts, {}, { regionOf });
  mesh.run(75_000);
  return mesh;
}

/** When the last of those that live called a node down; undefined where one did not. */
function downMs(mesh: VirtualNeighbours, by: readonly NodeId[], node: NodeId): number | undefined {
  const times = by
    .filter((at) => mesh.node(at).alive)
    .map((at) => mesh.node(at).verdicts.find(({ subject }) => subject === node)?.atMs);
  return times.includes(undefined) ? undefined : Math.max(...times.map(Number));
}

describe("when a region is back", () => {
  test.each([
    [0, 22, 12],
    [4_500, 22, 12],
    [1_500, 5, 4],
  ])(
    "VE4 VE2 whoever dies %i ms after the heal of %i and %i nodes is down as fast as ever, on both sides",
    (afterMs, left, right) => {
      const [eu, us] = [names("eu", left), names("us", right)];
      const mesh = fleetOf(...eu, ...us);
      mesh.partition(eu, us);
      mesh.run(20_000);
      mesh.cut.clear();
      mesh.run(afterMs);
      const killedMs = mesh.nowMs;
      for (const node of ["eu-11", "us-11"]) mesh.crash(node);
      mesh.run(8_000);
      for (const node of ["eu-11", "us-11"]) {
        const tookMs = (downMs(mesh, [...eu, ...us], node) ?? Infinity) - killedMs;
        expect([node, tookMs <= 4_000, tookMs]).toEqual([node, true, tookMs]);
      }
    },
  );
});
