import { createHash } from "node:crypto";
import { createMemoryDocuments, SeededRandom } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { VirtualMesh, type VirtualNode } from "../chain/virtual-mesh.test-support.ts";
import { CLOCK_AHEAD_MS_MAX, hlcHorizon } from "./hlc.ts";

const GENERATION = { document: "reported", author: "z", epoch: 1 } as const;

let net: VirtualMesh;
let node: VirtualNode;

beforeEach(() => {
  net = new VirtualMesh({
    sha256: (bytes) => createHash("sha256").update(bytes).digest(),
    documents: createMemoryDocuments,
  });
  node = net.add("a", 1);
});

/** A record of somebody else with one field; without a stamp, none. */
function put(on: VirtualNode, robot: string, hlc: number | undefined, value = 0): void {
  net.input(on, (now) => {
    const record = hlc === undefined ? undefined : { f: { "/state/n": [hlc, value] }, t: {} };
    on.chains.records.table.apply(GENERATION, [{ robot, value: record }]);
    on.chains.records.settle(now);
  });
}

function horizon(): number {
  return hlcHorizon(net.now(node).wallMs);
}

describe("comparing documents", () => {
  test("P1 P6 the hash after one change costs that one robot, however many records are ahead of the clock", () => {
    const { records } = node.chains;
    for (let i = 0; i < 300; i++) put(node, `ahead-${i}`, horizon() + 1_000_000 + i);
    const hashed = vi.spyOn(node.env.ports.hash, "sha256");
    records.documentHash();
    put(node, "bot", 1);
    records.documentHash();
    put(node, "ahead-7", horizon() + 2_000_000);
    records.documentHash();
    // What is shown and what is compared of one robot, with a version and an etag each, and the hash over all, three times.
    expect(hashed.mock.calls.length).toBeLessThanOrEqual(12);
    hashed.mockRestore();
  });

  test("CH4 P6 an input looks at none of the records that are ahead of the clock before they are due", () => {
    for (let i = 0; i < 300; i++) put(node, `ahead-${i}`, horizon() + 1_000_000 + i);
    const looked = vi.spyOn(node.chains.records.table, "shown");
    net.input(node, (now) => node.chains.records.settle(now));
    expect(looked).not.toHaveBeenCalled();
    net.advance(CLOCK_AHEAD_MS_MAX);
    for (let count = 0; count < 3; count++)
      net.input(node, (now) => node.chains.records.settle(now));
    expect(node.chains.records.robots()).toHaveLength(300);
    looked.mockRestore();
  });

  test("P1 a hash kept up to date is the one that whoever reads everything afresh has, at any time", () => {
    const random = new SeededRandom(11);
    const held = new Map<string, { hlc: number; value: number }>();
    for (let round = 0; round < 150; round++) {
      for (let change = 0; change < 3; change++) {
        const robot = `r${Math.floor(random.unit() * 12)}`;
        const hlc = horizon() + Math.floor((random.unit() - 0.5) * 8_000_000);
        if (random.unit() < 0.3) held.delete(robot);
        else held.set(robot, { hlc, value: round });
        put(node, robot, held.get(robot)?.hlc, round);
      }
      if (random.unit() < 0.5) net.advance(400);
      if (random.unit() < 0.5) node.chains.records.documentHash();
      const fresh = net.add(`fresh-${round}`, 0);
      for (const [robot, { hlc, value }] of held) put(fresh, robot, hlc, value);
      expect(node.chains.records.documentHash()).toBe(fresh.chains.records.documentHash());
      expect(node.chains.records.exportDocument()).toEqual(fresh.chains.records.exportDocument());
      net.nodes.delete(`fresh-${round}`);
    }
  });
});
