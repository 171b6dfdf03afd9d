/**
 * Node ids are libp2p peer ids of Ed25519 keys: base58btc of an identity multihash (0x00, length 36) that holds the public key as
 * protobuf (type 1, 32 bytes). So the id is the key, and a signature can be checked without asking anybody for one.
 */
import type { KeyId, NodeId } from "@pulsemesh/core";
import { decodeBase32 } from "./base32.ts";
import { decodeBase58, encodeBase58 } from "./base58.ts";
import { PUBLIC_KEY_BYTES } from "./ed25519.ts";

const PREFIX: readonly number[] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/** @param publicKey 32 raw bytes */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  return encodeBase58(new Uint8Array([...PREFIX, ...publicKey]));
}

/** The raw public key in an id, or undefined when it is none of an Ed25519 key. */
export function publicKeyOf(node: NodeId): Uint8Array | undefined {
  const bytes = decodeBase58(node);
  if (bytes === undefined || bytes.length !== PREFIX.length + PUBLIC_KEY_BYTES) return undefined;
  if (PREFIX.some((byte, i) => bytes[i] !== byte)) return undefined;
  return bytes.subarray(PREFIX.length);
}

/** The node id of a key that is named in the form of the authority's keys. */
export function peerIdOfKey(key: KeyId): NodeId {
  return nodeIdOf(decodeBase32(key) ?? new Uint8Array());
}
