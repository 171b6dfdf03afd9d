/** What whoever has no say sees of regions that are out of reach (rules VE4, VE1). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const [EU, US, SA] = [
  ["eu-10", "eu-11", "eu-12"],
  ["us-10", "us-11", "us-12"],
  ["sa-10", "sa-11"],
];
/** It observes, and no member is in its region. */
const OB = "ap-10";

function meshOf(...members: readonly NodeId[]): VirtualNeighbours {
  const regionOf = (node: NodeId): string => node.split("-")[0] ?? "";
  const options = { regionOf, observers: [OB] };
  const mesh = new VirtualNeighbours([...members, OB], createTestPorts, {}, options);
  mesh.run(15_000);
  return mesh;
}

function outages(mesh: VirtualNeighbours): readonly string[] {
  const { regions } = mesh.node(OB).near.liveness.electorate;
  return [...regions.outages.values()].map(({ from, to }) => `${to} from ${from}`);
}

function said(mesh: VirtualNeighbours, of: readonly NodeId[]): readonly string[] {
  const words = of.map((node) => `${mesh.status(node, OB)} ${mesh.reason(node, OB) ?? ""}`.trim());
  return [...new Set(words)].toSorted();
}

describe("an observer in a region without members", () => {
  test("VE4 VE1 sees a region lost that is lost to the region of which it hears most, and who dies there", () => {
    const mesh = meshOf(...EU, ...US);
    const cutMs = mesh.nowMs;
    mesh.partition([...EU, OB], US);
    mesh.run(10_000);
    expect(outages(mesh)).toEqual(["us from eu"]);
    expect((mesh.node(OB).regions[0]?.atMs ?? Infinity) - cutMs).toBeLessThanOrEqual(6_000);
    expect(said(mesh, US)).toEqual(["unknown region-unreachable"]);
    expect(said(mesh, EU)).toEqual(["up"]);
    mesh.crash("eu-10");
    mesh.run(6_000);
    expect(said(mesh, ["eu-10"])).toEqual(["down quorum"]);
    mesh.cut.clear();
    mesh.run(3_000);
    expect([outages(mesh), said(mesh, US)]).toEqual([[], ["up"]]);
  });

  test("VE4 sees none where it hears both sides of a cut, or nobody", () => {
    const both = meshOf(...EU, ...US);
    both.partition(EU, US);
    both.run(20_000);
    expect([both.node(OB).regions, said(both, [...EU, ...US])]).toEqual([[], ["up"]]);
    const nobody = meshOf(...EU, ...US);
    nobody.partition([OB], [...EU, ...US]);
    nobody.run(20_000);
    expect(nobody.node(OB).regions).toEqual([]);
    expect(said(nobody, [...EU, ...US])).toEqual(["unknown no-majority"]);
  });

  test("VE4 goes by the region of which it hears most, and by one for as long as an outage stands", () => {
    const mesh = meshOf(...EU, ...US, ...SA);
    mesh.partition([...EU, ...SA, OB], US);
    mesh.run(10_000);
    expect(outages(mesh)).toEqual(["us from eu"]);
    for (const node of EU.slice(0, 2)) mesh.crash(node);
    mesh.run(20_000);
    expect(outages(mesh)).toEqual(["us from eu"]);
    expect(mesh.node(OB).regions).toHaveLength(1);
    expect(said(mesh, US)).toEqual(["unknown region-unreachable"]);
  });
});
