import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { saidBy } from "./said.test-support.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const ALL: readonly NodeId[] = Array.from({ length: 36 }, (_, index) => `n${10 + index}`);

/** A fleet that sees a majority, has listened for long enough, and gossips no pulses. */
function fleet(): VirtualNeighbours {
  const regionOf = (node: NodeId): string => (node < "n30" ? "eu" : "us");
  const mesh = new VirtualNeighbours(ALL, createTestPorts, {}, { regionOf });
  mesh.run(26_000);
  mesh.drop = ({ topic }) => topic === "pulse";
  mesh.run(2_000);
  return mesh;
}

/** Who says what of others: each kind of answer, and one who gives it. */
function answers(mesh: VirtualNeighbours, readers: readonly NodeId[]): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const reader of readers) {
    const { liveness } = mesh.node(reader).near;
    for (const of of ALL) {
      if (of === reader) continue;
      const standing = liveness.subject(of) ?? liveness.quiet.ofMember(of);
      all.set(standing?.status ?? "none", `${reader} of ${of}`);
    }
  }
  return all;
}

describe("a large fleet", () => {
  test("PU8 VE2 P2 that is cut in exact halves has no majority on either side, whatever a node's own subjects show it, and is whole 12 s after the cut", () => {
    const mesh = fleet();
    const left = ALL.filter((_, index) => index % 2 === 0);
    const right = ALL.filter((_, index) => index % 2 === 1);
    mesh.partition(left, right);
    mesh.run(8_000);
    for (let round = 0; round < 20; round += 1) {
      mesh.run(1_000);
      for (const { id, near } of mesh.nodes)
        expect([id, near.liveness.electorate.hasMajority(mesh.nowMs)]).toEqual([id, false]);
    }
    expect([...answers(mesh, ALL).keys()].toSorted()).toEqual(["unknown", "up"]);
    for (const reader of ALL) {
      const { liveness } = mesh.node(reader).near;
      const across = left.includes(reader) ? right : left;
      for (const of of across) {
        const standing = liveness.subject(of) ?? liveness.quiet.ofMember(of);
        expect([reader, of, standing?.status]).toEqual([reader, of, "unknown"]);
        // Its own word counts as anybody's: else a witness that is alone with it would accuse, and stop, and accuse.
        const subject = liveness.electorate.isDuty(of) ? liveness.subject(of) : undefined;
        if (subject === undefined) continue;
        const misses = subject.unknowns.has(reader) || subject.accusations.has(reader);
        expect([reader, of, misses]).toEqual([reader, of, true]);
      }
    }
    // Whoever hears nobody of a region itself hears that somebody there speaks.
    for (const { id, regions } of mesh.nodes) expect([id, regions]).toEqual([id, []]);
    mesh.cut.clear();
    const healMs = mesh.nowMs;
    mesh.run(12_000);
    // Majorities are back before everybody was heard.
    for (const id of ALL) {
      const kinds = saidBy(mesh, id, healMs).map(({ kind }) => kind);
      expect([id, kinds.filter((kind) => kind === "accuse")]).toEqual([id, []]);
    }
    expect([...answers(mesh, ALL)].map(([status]) => status)).toEqual(["up"]);
  });

  test("PU8 VE2 P8 in which some hear nobody answers for whom they do not hear, and keeps its majority", () => {
    const mesh = fleet();
    const deaf = ALL.filter((_, index) => index % 7 === 0);
    const others = ALL.filter((node) => !deaf.includes(node));
    mesh.drop = ({ topic, to }) => topic === "pulse" || deaf.includes(to);
    mesh.run(5_000);
    for (let round = 0; round < 40; round += 1) {
      mesh.run(500);
      for (const id of others)
        expect([id, mesh.node(id).near.liveness.electorate.hasMajority(mesh.nowMs)]).toEqual([
          id,
          true,
        ]);
    }
    expect([...answers(mesh, others)].map(([status]) => status)).toEqual(["up"]);
  });
});
