/** The hashes by which statements of the authority name each other and commit to keys; also for who signs them, outside core. */
import { compareText, type HashHex, type KeyId } from "../ids.ts";
import type { CodecPort, HashPort } from "../ports.ts";
import { toHex } from "../wire/hex.ts";
import type { StatementId } from "./claims.ts";

/** What it takes to hash: part of every set of ports. */
export interface Hashing {
  readonly codec: CodecPort;
  readonly hash: HashPort;
}

/** The name of a token, whatever it holds: SHA-256 of its text in dag-cbor. */
export function statementId(hashing: Hashing, token: string): StatementId {
  return hashOf(hashing, token);
}

/** By which a root statement commits to the next root's key: SHA-256 of the key's text in dag-cbor. */
export function keyHash(hashing: Hashing, key: KeyId): HashHex {
  return hashOf(hashing, key);
}

/** By which a charter commits to all revocations, and digests are compared: SHA-256 of the list of names in dag-cbor, sorted. */
export function idsHash(hashing: Hashing, ids: readonly StatementId[]): HashHex {
  return hashOf(hashing, ids.toSorted(compareText));
}

function hashOf({ codec, hash }: Hashing, value: unknown): HashHex {
  return toHex(hash.sha256(codec.encode(value)));
}
