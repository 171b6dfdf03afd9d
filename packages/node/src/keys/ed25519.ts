/** Ed25519 keys between their raw 32 bytes, in which nodes know them, and the key objects that `node:crypto` works with. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

export const SEED_BYTES: number = 32;
export const PUBLIC_KEY_BYTES: number = 32;

/** What stands before the raw key in PKCS #8 and SPKI; fixed for Ed25519 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** @param seed 32 secret bytes */
export function privateKeyFromSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: "der",
    type: "pkcs8",
  });
}

/** @param raw 32 bytes */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
}

/** The raw public key that belongs to a seed. */
export function rawPublicKey(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKeyFromSeed(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(SPKI_PREFIX.length));
}

/** A fresh secret. */
export function generateSeed(): Uint8Array {
  const pkcs8 = generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" });
  return new Uint8Array(pkcs8.subarray(PKCS8_PREFIX.length));
}
