/** Everything that core computes with on a real node. Documents hold state, so every life of core gets a set of its own. */
import { randomBytes } from "node:crypto";
import { dagCborCodec, type Ports } from "@pulsemesh/core";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { createCron } from "./cron.ts";
import { createNodeSignature } from "./node-signature.ts";
import { sha256 } from "./sha256.ts";
import { tokenPort } from "./tokens.ts";

export { sha256 };

/** @param seed the node's secret, 32 bytes */
export function createPortsFactory(seed: Uint8Array): () => Ports {
  const signature = createNodeSignature(seed);
  const cron = createCron();
  return () => ({
    codec: dagCborCodec,
    hash: { sha256 },
    signature,
    tokens: tokenPort,
    cron,
    random: {
      // 48 bits are what readUIntBE gives exactly; a double could hold five more.
      unit: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
      bytes: (length) => new Uint8Array(randomBytes(length)),
    },
    documents: createYjsDocuments(),
  });
}
