/** Everything one simulated core computes with: shared caches, its own key, its own documents and its own stream of chance. */
import type { CodecPort, CronPort, HashPort, NodeId, Ports, TokenPort } from "@pulsemesh/core";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import type { SeededRandom } from "@pulsemesh/testkit";
import { createCachedCodec } from "./cached-codec.ts";
import { createCachedTokens } from "./cached-tokens.ts";
import { createCachedHash } from "./cached-hash.ts";
import { KeyRing } from "./key-ring.ts";

/** What all nodes of one run share. */
export interface SharedPorts {
  readonly codec: CodecPort;
  readonly hash: HashPort;
  readonly keys: KeyRing;
  readonly tokens: TokenPort;
}

export function createSharedPorts(random: SeededRandom): SharedPorts {
  return {
    codec: createCachedCodec(),
    hash: createCachedHash(),
    keys: new KeyRing(random.fork("keys")),
    tokens: createCachedTokens(),
  };
}

/** The ports of one life of one node; documents start empty, as memory does. */
export function createNodePorts(shared: SharedPorts, node: NodeId, random: SeededRandom): Ports {
  return {
    codec: shared.codec,
    hash: shared.hash,
    signature: shared.keys.portOf(node),
    tokens: shared.tokens,
    cron: minuteCron,
    random: { unit: () => random.unit(), bytes: (length) => random.bytes(length) },
    documents: createYjsDocuments(),
  };
}

/** Understands lines that name every n-th minute ("*\/5 * * * *") in UTC, which is all that scenarios use. */
const minuteCron: CronPort = {
  nextDueWallMs: (line, timeZone, afterWallMs) => {
    const minutes = Number(/^\*\/(\d+) \* \* \* \*$/.exec(line)?.[1]);
    if (!Number.isInteger(minutes) || minutes < 1 || timeZone !== "UTC") return undefined;
    const stepMs = minutes * 60_000;
    return (Math.floor(afterWallMs / stepMs) + 1) * stepMs;
  },
};
