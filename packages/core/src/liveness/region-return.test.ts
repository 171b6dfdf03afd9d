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

/** Of which nodes these said `down`. */
function downAt(mesh: VirtualNeighbours, by: readonly NodeId[]): readonly string[] {
  const down = by.flatMap((at) =>
    mesh.node(at).verdicts.flatMap(({ subject, kind }) => (kind === "down" ? [subject] : [])),
  );
  return [...new Set(down)].toSorted();
}

describe("when a region is back", () => {
  test.each([
    [0, 22, 12],
    [4_500, 22, 12],
    [1_500, 5, 4],
  ])(
    "VE4 VE2 whoever dies %i ms after the heal of %i and %i nodes is down as fast as ever, on both sides, and nobody else is",
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
      expect(downAt(mesh, [...eu, ...us])).toEqual(["eu-11", "us-11"]);
    },
  );

  test("VE4 P2 one of a large fleet that is heard again later than the others of its region is not called dead for that", () => {
    const [eu, us] = [names("eu", 22), names("us", 12)];
    const mesh = fleetOf(...eu, ...us);
    mesh.partition(eu, us);
    mesh.run(20_000);
    mesh.cut.clear();
    mesh.partition(["us-11"], eu);
    mesh.partition(["eu-11"], us);
    for (let step = 0; step < 25; step += 1) {
      mesh.run(100);
      const accusing = mesh.nodes.filter(({ id, near }) => {
        const { electorate } = near.liveness;
        const there = id.startsWith("eu") ? "us-11" : "eu-11";
        const isBack = electorate.regions.outages.size === 0;
        return isBack && near.liveness.subject(there)?.own !== undefined;
      });
      expect([step, ...accusing.map(({ id }) => id)]).toEqual([step]);
    }
    mesh.cut.clear();
    mesh.run(8_000);
    expect(downAt(mesh, [...eu, ...us])).toEqual([]);
  });
});
