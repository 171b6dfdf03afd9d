/**
 * A key kept in a file of the data directory: one line of base64 of libp2p's protobuf form, mode 0600. An unreadable key is an
 * error, never replaced by a new one: the key is who the node is.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { generateSeed, rawPublicKey, SEED_BYTES } from "./ed25519.ts";
import { readFileIfAny, writePrivateFile } from "./private-file.ts";

/** Protobuf of an Ed25519 private key: type 1, then 64 bytes (seed and public key). */
const PROTOBUF_PREFIX: readonly number[] = [0x08, 0x01, 0x12, 0x40];

export interface Ed25519Key {
  /** 32 secret bytes. */
  readonly seed: Uint8Array;
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array;
  /** libp2p's protobuf form of the secret. */
  readonly protobuf: Uint8Array;
}

/**
 * Reads the key, or makes one when there is no file.
 * @throws PulsemeshError `data-dir-unusable` when the file holds no key or cannot be read or written
 */
export function loadOrCreateKey(path: string): Ed25519Key {
  return orUnusable(path, () => {
    const text = readFileIfAny(path);
    if (text !== undefined) return parseKey(text);
    const key = keyFromSeed(generateSeed());
    writePrivateFile(path, writeKeyText(key));
    return key;
  });
}

/**
 * Reads a key that must be there.
 * @throws PulsemeshError `data-dir-unusable` when the file holds no key or cannot be read
 */
export function readKey(path: string): Ed25519Key {
  return orUnusable(path, () => {
    const text = readFileIfAny(path);
    if (text === undefined) throw new Error("there is none");
    return parseKey(text);
  });
}

function orUnusable(path: string, key: () => Ed25519Key): Ed25519Key {
  try {
    return key();
  } catch (cause) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot use the key in ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed; restore the file from a backup, or move the directory away to start as a new node.`,
      { cause },
    );
  }
}

export function keyFromSeed(seed: Uint8Array): Ed25519Key {
  const publicKey = rawPublicKey(seed);
  return { seed, publicKey, protobuf: new Uint8Array([...PROTOBUF_PREFIX, ...seed, ...publicKey]) };
}

/** A key as it stands in a file. */
export function writeKeyText(key: Ed25519Key): string {
  return `${Buffer.from(key.protobuf).toString("base64")}\n`;
}

/** @throws Error for anything that {@link writeKeyText} does not write, blanks around it aside */
export function parseKey(text: string): Ed25519Key {
  const bytes = Buffer.from(text.trim(), "base64");
  const seed = new Uint8Array(
    bytes.subarray(PROTOBUF_PREFIX.length, PROTOBUF_PREFIX.length + SEED_BYTES),
  );
  if (bytes.length !== PROTOBUF_PREFIX.length + 2 * SEED_BYTES)
    throw new Error("it has the wrong length");
  const key = keyFromSeed(seed);
  if (Buffer.compare(key.protobuf, bytes) !== 0) throw new Error("it is damaged");
  return key;
}
