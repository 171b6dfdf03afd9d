import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { evidenceOf, lie } from "./said.test-support.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const ALL: readonly NodeId[] = Array.from({ length: 36 }, (_, index) => `n${10 + index}`);

/** A fleet that sees a majority and has listened for long enough. */
function fleet(): VirtualNeighbours {
  const regionOf = (node: NodeId): string => (node < "n30" ? "eu" : "us");
  const mesh = new VirtualNeighbours(ALL, createTestPorts, {}, { regionOf });
  mesh.run(26_000);
  return mesh;
}

/** What `readers` say of a node at each of so many quarters of a second. */
function seen(
  mesh: VirtualNeighbours,
  of: NodeId,
  readers: readonly NodeId[],
  quarters: number,
): ReadonlySet<string> {
  const all = new Set<string>();
  for (let quarter = 0; quarter < quarters; quarter += 1) {
    mesh.run(250);
    for (const reader of readers) all.add(mesh.status(of, reader));
  }
  return all;
}

describe("witnesses of a large fleet whose own links to a subject are cut", () => {
  test.each([1, 4])(
    "PU8 VE3 %i of eight show it as everybody else does, as long as others answer for it, and down when it dies",
    (count) => {
      const mesh = fleet();
      const witnesses = mesh.node("n10").near.liveness.electorate.witnessesOf("n15");
      const deaf = witnesses.slice(0, count);
      // A fleet that has just grown still gossips every pulse: here none comes by gossip.
      mesh.drop = ({ from, to, topic }) =>
        topic === "pulse" || (from === "n15" && deaf.includes(to));
      const readers = ALL.filter((node) => node !== "n15");
      expect([...seen(mesh, "n15", deaf, 120)]).toEqual(["up"]);
      mesh.crash("n15");
      mesh.run(5_000);
      expect([...seen(mesh, "n15", readers, 8)]).toEqual(["down"]);
    },
  );

  test("PU8 P3 whom nobody shows a pulse of its subject any more does not take it for alive", () => {
    const mesh = fleet();
    const witnesses = mesh.node("n10").near.liveness.electorate.witnessesOf("n15");
    const [deaf = "", ...others] = witnesses;
    mesh.drop = ({ from, to, topic }) => topic === "pulse" || (from === "n15" && to === deaf);
    mesh.run(10_000);
    expect(mesh.status("n15", deaf)).toBe("up");
    // From now on nobody answers.
    mesh.drop = ({ from, to, topic }) =>
      topic === "pulse" || (to === deaf && (from === "n15" || others.includes(from)));
    mesh.run(16_000);
    expect([...seen(mesh, "n15", [deaf], 40)]).not.toContain("up");
  });

  test("PU8 P3 PU7 what is shown late of a subject, or comes late itself, does not show that it lives", () => {
    const mesh = fleet();
    const [deaf = "", liar = "", ...others] = mesh
      .node("n10")
      .near.liveness.electorate.witnessesOf("n15");
    // Of two witnesses that hear nobody who could answer, the second gets the pulses 4.5 s late.
    const slow = others.pop() ?? "";
    const cutMs = mesh.nowMs;
    mesh.drop = ({ from, to, topic }) =>
      topic === "pulse" ||
      (from === "n15" && (to === deaf || to === slow)) ||
      ((to === deaf || to === slow) && [liar, deaf, slow, ...others].includes(from));
    for (let quarter = 0; quarter < 40; quarter += 1) {
      mesh.run(250);
      for (const { from, to, topic, bytes, atMs } of mesh.sent)
        if (from === "n15" && to === slow && topic === "direct" && atMs > mesh.nowMs - 250)
          mesh.at(atMs + 4_500, () => mesh.deliver("direct", bytes, "n15", mesh.node(slow)));
    }
    const shown = mesh.sent.find(
      ({ from, to, topic, atMs }) =>
        from === "n15" && to === liar && topic === "direct" && atMs > cutMs + 2_000,
    );
    const known = mesh.node(deaf).near.liveness.subject("n15")?.newestName;
    expect(mesh.status("n15", deaf)).toBe("late");
    lie(mesh, liar, {
      kind: "object",
      about: "n15",
      evidence: evidenceOf(mesh, shown?.bytes ?? new Uint8Array()),
    });
    expect(mesh.node(deaf).near.liveness.subject("n15")?.newestName).not.toEqual(known);
    expect([mesh.status("n15", slow), mesh.reason("n15", slow)]).toEqual(["unknown", "delayed"]);
    for (const at of [deaf, slow])
      expect([at, ...seen(mesh, "n15", [at], 4)]).toEqual([at, at === deaf ? "late" : "unknown"]);
  });
});
