/** What stands for a revoked author, in the documents that a node really has: parts of Yjs, gated as everybody's. */
import { createHash } from "node:crypto";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { TestAuthority, testTokens } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Cut } from "../../packages/core/src/authority/claims.ts";
import {
  VirtualMesh,
  type VirtualNode,
} from "../../packages/core/src/chain/virtual-mesh.test-support.ts";

const IDS = ["a", "b", "x"] as const;
/** Of half a kilobyte: more than one part. */
const ROBOTS = 700;

test("ME1 P1 P5 nodes that hold the same cut an author the same in Yjs, write its parts themselves, hand them to newcomers, and show them after a restart", () => {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const fleet = new TestAuthority();
  const documents = createYjsDocuments;
  const net = new VirtualMesh({ sha256, documents, tokens: testTokens, fleet: fleet.fleet });
  for (const id of IDS) net.add(id, 1);
  net.linkAll();
  net.state("a", fleet.root(), ...[...IDS, "late"].map((node) => fleet.grant(node)));
  net.advance(3_000);
  for (let i = 0; i < ROBOTS; i++) net.patch("x", `r${i}`, { v: "y".repeat(500) });
  net.restart("x", 2);
  net.patch("x", "r0", { v: "of another epoch" });
  net.advance(3_000);
  const nodeOf = (id: string): VirtualNode => net.nodes.get(id) as VirtualNode;
  const [one, other] = ["a", "b"].map((id) => {
    let cuts: readonly Cut[] | undefined;
    net.input(nodeOf(id), () => nodeOf(id).chains.makeCuts("x", (made) => (cuts = made)));
    net.advance(1_000);
    return cuts ?? [];
  });
  expect(one?.[0]?.parts.length).toBeGreaterThan(1);
  expect(one).toEqual(other);
  const before = nodeOf("a").chains.records.documentHash();
  net.state("a", fleet.revocation("x", one));
  net.advance(1_000);
  net.add("late", 1);
  net.link("late", "b");
  net.advance(60_000);
  net.restart("b", 2);
  for (const id of ["a", "b", "x", "late"]) {
    const { chains, rows } = nodeOf(id);
    expect([id, chains.records.documentHash()]).toEqual([id, before]);
    const left = [...rows.keys()].filter((key) => key.startsWith("chain/reported/x/"));
    expect([id, left.length > 0]).toEqual([id, id === "x"]);
  }
}, 60_000);
