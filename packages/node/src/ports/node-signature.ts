/** Ed25519 for core (rule SG1): signs with this node's key, verifies with the key that every node id is. */
import { type KeyObject, sign, verify } from "node:crypto";
import type { NodeId, SignaturePort } from "@pulsemesh/core";
import { privateKeyFromSeed, publicKeyFromRaw } from "../keys/ed25519.ts";
import { publicKeyOf } from "../keys/peer-id.ts";

/** Public keys that are kept parsed; parsing one costs as much as a verification. The least recently used goes first. */
export const CACHED_KEYS_MAX: number = 4_096;

/** @param seed the node's secret, 32 bytes */
export function createNodeSignature(seed: Uint8Array): SignaturePort {
  const own = privateKeyFromSeed(seed);
  return { sign: (bytes) => new Uint8Array(sign(null, bytes, own)), ...createVerifier() };
}

/** For who has no key of its own. */
export function createVerifier(): Pick<SignaturePort, "verify"> {
  const keys = new Map<NodeId, KeyObject>();
  return {
    verify(node, bytes, signature) {
      try {
        const key = cachedKey(keys, node);
        return key !== undefined && verify(null, bytes, key, signature);
      } catch {
        // A point that is none, a signature of the wrong length: no signature.
        return false;
      }
    },
  };
}

/** Ids that are no keys are not remembered: anybody can make them up. */
function cachedKey(keys: Map<NodeId, KeyObject>, node: NodeId): KeyObject | undefined {
  const known = keys.get(node);
  if (known !== undefined) {
    keys.delete(node);
    keys.set(node, known);
    return known;
  }
  const raw = publicKeyOf(node);
  if (raw === undefined) return undefined;
  const key = publicKeyFromRaw(raw);
  if (keys.size >= CACHED_KEYS_MAX) {
    const [oldest] = keys.keys();
    if (oldest !== undefined) keys.delete(oldest);
  }
  keys.set(node, key);
  return key;
}
