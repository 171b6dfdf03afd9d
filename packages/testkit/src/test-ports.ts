/**
 * Ports for one node of a test that is about something else: the real codec and hash, documents in memory, and signatures that nobody in
 * the test can make for another node. A keyed hash stands in for Ed25519, which would be a hundred times slower and prove no more here.
 */
import { createHash } from "node:crypto";
import { dagCborCodec, type NodeId, type Ports } from "@pulsemesh/core";
import { createMemoryDocuments } from "./memory-documents.ts";
import { SeededRandom } from "./seeded-random.ts";
import { testTokens } from "./test-tokens.ts";

/** Everything that a core of the node `self` computes with; the same ports, seed and inputs give the same effects. */
export function createTestPorts(self: NodeId, seed: string | number = 1): Ports {
  const random = new SeededRandom(`${seed}/${self}`);
  return {
    codec: dagCborCodec,
    hash: { sha256 },
    signature: {
      sign: (bytes) => signatureOf(self, bytes),
      verify: (node, bytes, signature) => Buffer.compare(signatureOf(node, bytes), signature) === 0,
    },
    tokens: testTokens,
    cron: { nextDueWallMs: () => undefined },
    random: { unit: () => random.unit(), bytes: (length) => random.bytes(length) },
    documents: createMemoryDocuments(),
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

function signatureOf(node: NodeId, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha512").update(`key of ${node}/`).update(bytes).digest());
}
