import { DOCUMENTS } from "../ids.ts";
import { createHash } from "node:crypto";
import {
  AUTHORITY_EPOCH_S,
  createMemoryDocuments,
  SeededRandom,
  TestAuthority,
  testTokens,
} from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { LIAR, RevocationStory, type TestStatements } from "./revocation-mesh.test-support.ts";
import type { VirtualNode } from "./virtual-mesh.test-support.ts";

const authority = new TestAuthority();
const issuers = [authority.issuer("issuer"), authority.issuer("thief")];
const first = authority.root({ issuers });
const second = authority.root({
  number: 2,
  previous: TestAuthority.idOf(first),
  issuers: issuers.slice(0, 1),
  voids: [{ key: authority.key("thief"), kept: [] }],
});
const statements: TestStatements = {
  fleet: authority.fleet,
  roots: [first, second],
  grant: (node, robots = ["*"], age = 0) =>
    authority.grant(node, { robots, issuedS: AUTHORITY_EPOCH_S + age }),
  revocation: (node, cuts, { reason, isThief }) =>
    authority.revocation(node, cuts, {
      reason,
      signer: authority.key(isThief ? "thief" : "issuer"),
    }),
};

function story(seed: number): RevocationStory {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const random = new SeededRandom(seed);
  const documents = createMemoryDocuments;
  return new RevocationStory({ sha256, documents, tokens: testTokens, statements, random });
}

function expectAgreement(tale: RevocationStory, seed: number): void {
  const nodes = [...tale.net.nodes.values()];
  const distinct = (of: (node: VirtualNode) => string): number => new Set(nodes.map(of)).size;
  const agreement = {
    seed,
    statements: distinct(({ authority }) => authority.digest),
    digests: DOCUMENTS.map((document) =>
      distinct(({ chains }) => String(chains.digestOf(document))),
    ),
    hashes: distinct(({ chains }) => chains.records.documentHash()),
    views: distinct(({ chains }) => Buffer.from(chains.records.exportDocument()).toString("hex")),
  };
  expect(agreement).toEqual({ seed, statements: 1, digests: [1, 1, 1], hashes: 1, views: 1 });
}

/** Of each revoked author exactly what its standing cut names, and no row of it. */
function expectCustody(tale: RevocationStory, seed: number): number {
  let kept = 0;
  for (const node of tale.net.nodes.values()) {
    for (const author of ["d", LIAR]) {
      const cuts = node.authority.authority.cutsOf(author);
      if (cuts === undefined) continue;
      const parts = cuts.get("reported")?.parts;
      const expected = parts === undefined ? "[]" : tale.shownAt.get(parts.join());
      expect([seed, node.id, tale.shown(node, author)]).toEqual([seed, node.id, expected]);
      if (expected !== "[]") kept++;
      if (node.id === author) continue;
      const rows = [...node.rows.keys()].filter(
        (key) => key.includes(`/${author}/`) && !key.startsWith("quarantine/row/"),
      );
      expect([seed, node.id, rows]).toEqual([seed, node.id, []]);
    }
  }
  return kept;
}

describe("revocations in random orders", () => {
  test("ME1 P1 P4 P5 60 random stories of writes, forks, lies, grants, revocations, restarts and torn disks end in one view with nothing but custody of the revoked, also after all restart", () => {
    let kept = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const tale = story(seed);
      for (let i = 0; i < 120; i++) tale.step();
      tale.heal();
      expectAgreement(tale, seed);
      kept += expectCustody(tale, seed);
      const before = tale.net.nodes.get("a")?.chains.records.documentHash();
      for (const id of tale.net.nodes.keys()) tale.net.restart(id, 10_000);
      for (const node of tale.net.nodes.values())
        expect(node.chains.records.documentHash(), `seed ${seed}`).toBe(before);
    }
    // Not all of them may have ended without anything to keep.
    expect(kept).toBeGreaterThan(60);
  }, 60_000);
});
