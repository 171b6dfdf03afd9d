/**
 * Signatures at the price of a hash. Each node has a secret that only this ring knows; signing is a keyed hash with it. Whoever holds
 * the port of one node can sign as that node and as nobody else, which is all that the protocol asks of a signature. Real Ed25519 would
 * cost a run 26 million verifications.
 */
import type { NodeId, SignaturePort } from "@pulsemesh/core";
import type { SeededRandom } from "@pulsemesh/testkit";

const SIGNATURE_BYTES = 64;
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const NODE_ID_LENGTH = 52;
const NODE_ID_PREFIX = "12D3KooW";

export class KeyRing {
  readonly #random: SeededRandom;
  readonly #secrets = new Map<NodeId, Uint32Array>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** A new key; its id looks like a peer id. */
  create(): NodeId {
    let node = NODE_ID_PREFIX;
    while (node.length < NODE_ID_LENGTH) node += ALPHABET[this.#random.integer(ALPHABET.length)];
    this.#secrets.set(
      node,
      Uint32Array.from({ length: 4 }, () => this.#random.word()),
    );
    return node;
  }

  /** What the holder of one key can do. */
  portOf(node: NodeId): SignaturePort {
    return {
      sign: (bytes) => this.#sign(node, bytes),
      verify: (author, bytes, signature) => this.#verify(author, bytes, signature),
    };
  }

  #sign(node: NodeId, bytes: Uint8Array): Uint8Array {
    const secret = this.#secrets.get(node);
    if (secret === undefined)
      throw new RangeError("Cannot sign as a node whose key the ring does not hold.");
    const signature = new Uint8Array(SIGNATURE_BYTES);
    new Uint32Array(signature.buffer).set(keyedHash(secret, bytes));
    return signature;
  }

  #verify(node: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean {
    const secret = this.#secrets.get(node);
    if (secret === undefined || signature.length !== SIGNATURE_BYTES) return false;
    const words = keyedHash(secret, bytes);
    const claimed = new DataView(signature.buffer, signature.byteOffset, SIGNATURE_BYTES);
    for (let i = 0; i < words.length; i++)
      if (claimed.getUint32(i * 4, true) !== words[i]) return false;
    for (let i = words.length; i < SIGNATURE_BYTES / 4; i++)
      if (claimed.getUint32(i * 4, true) !== 0) return false;
    return true;
  }
}

/** Two murmur-like lanes over the bytes, begun and ended with the secret: no adversary of a simulation computes collisions. */
function keyedHash(secret: Uint32Array, bytes: Uint8Array): readonly [number, number] {
  let a = (secret[0] as number) ^ bytes.length;
  let b = secret[1] as number;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    a = Math.imul(a ^ byte, 0x0100_0193);
    b = Math.imul(b ^ byte ^ (a >>> 15), 0x85eb_ca6b);
  }
  a = Math.imul(a ^ (secret[2] as number) ^ (b >>> 13), 0xc2b2_ae35);
  b = Math.imul(b ^ (secret[3] as number) ^ (a >>> 16), 0x9e37_79b1);
  return [(a ^ (a >>> 16)) >>> 0, (b ^ (b >>> 15)) >>> 0];
}
