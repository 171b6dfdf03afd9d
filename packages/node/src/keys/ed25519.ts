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

/**
 * Keys under which anybody can sign anything, as multiples of them are few: points of small order, by their y (the sign of x, the highest bit, is
 * not part of it), written canonically or not. OpenSSL verifies with them, as RFC 8032 lets it.
 */
const SMALL_ORDER_KEYS: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/**
 * @param raw 32 bytes
 * @throws RangeError for a key of small order, whose signatures prove nothing
 */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  const y = Buffer.from(raw);
  y[PUBLIC_KEY_BYTES - 1] = (y[PUBLIC_KEY_BYTES - 1] ?? 0) & 0x7f;
  if (SMALL_ORDER_KEYS.has(y.toString("hex")))
    throw new RangeError("a key of small order signs for everybody");
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
