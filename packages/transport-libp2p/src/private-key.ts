/** Reads the node key in the forms in which it is kept: a bare Ed25519 seed, seed and public key, or libp2p's protobuf. */
import { generateKeyPairFromSeed, privateKeyFromProtobuf } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { PulsemeshError } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";

const SEED_BYTES = 32;
const SEED_AND_PUBLIC_BYTES = 64;

/**
 * @param bytes 32 bytes (seed), 64 bytes (seed and public key), or protobuf (68 bytes)
 * @throws PulsemeshError `option-invalid`
 */
export async function readPrivateKey(bytes: Uint8Array): Promise<Ed25519PrivateKey> {
  try {
    if (bytes.length === SEED_BYTES || bytes.length === SEED_AND_PUBLIC_BYTES) {
      return await generateKeyPairFromSeed("Ed25519", bytes.subarray(0, SEED_BYTES));
    }
    const key = privateKeyFromProtobuf(bytes);
    if (key.type === "Ed25519") return key;
  } catch (cause) {
    throw new PulsemeshError("option-invalid", KEY_RULE, { cause });
  }
  throw new PulsemeshError("option-invalid", KEY_RULE);
}

const KEY_RULE =
  "Cannot read the node key as 'privateKey' must be an Ed25519 seed of 32 bytes, seed and public key of 64, or libp2p's protobuf form.";

/** The node id that belongs to a key. */
export function nodeIdOf(key: Ed25519PrivateKey): NodeId {
  return peerIdFromPrivateKey(key).toString();
}
