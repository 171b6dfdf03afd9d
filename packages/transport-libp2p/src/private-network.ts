/**
 * A secret that all nodes of a network share (`pnet`, rule AD12): whoever does not have it cannot even begin to speak, so neither a scanner nor a flaw in
 * a handshake reaches a node. It says nothing of who is a member; that is what grants are for.
 */
import type { ConnectionProtector } from "@libp2p/interface";
import { preSharedKey } from "@libp2p/pnet";
import { PulsemeshError } from "@pulsemesh/core";
import { writeCoalescing } from "./write-coalescing.ts";

/** Largest key file, in bytes; a good one has 95, and a line feed. */
export const NETWORK_KEY_BYTES_MAX: number = 128;

const KEY_TEXT = /^\/key\/swarm\/psk\/1\.0\.0\/\r?\n\/base16\/\r?\n([0-9a-fA-F]{64})\s*$/;

/**
 * Checks a key as go-libp2p and js-libp2p write it, and gives it in the form that every node reads alike.
 * @throws PulsemeshError `option-invalid`
 */
export function readNetworkKey(bytes: Uint8Array): Uint8Array {
  const text = bytes.length > NETWORK_KEY_BYTES_MAX ? "" : Buffer.from(bytes).toString("latin1");
  const secret = KEY_TEXT.exec(text)?.[1];
  if (secret === undefined || /^0*$/.test(secret)) {
    throw new PulsemeshError(
      "option-invalid",
      "Cannot use the key of the private network: it has three lines, /key/swarm/psk/1.0.0/, /base16/ and 64 hex digits.",
    );
  }
  return Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${secret}`);
}

/**
 * What to look at where a connection stands and no handshake comes about: with another key, or with one on a single side, that is all that can be seen.
 * @param hasKey - whether this side has one
 */
export function noHandshakeWords(hasKey: boolean): string {
  return hasKey
    ? "its fleet may be in no private network, or in one with another key than that of --network-key-file; or it is no node, or one that hangs"
    : "its fleet may be a private network, whose key this node was not given (--network-key-file); or it is no node, or one that hangs";
}

/** What every connection passes before its first byte: the cipher of the private network, where there is one. */
export function protector(networkKey: Uint8Array | undefined): () => ConnectionProtector {
  const coalescing = writeCoalescing();
  if (networkKey === undefined) return coalescing;
  const secret = preSharedKey({ psk: networkKey, timeout: NONCE_TIMEOUT_MS });
  return () => {
    const [inner, outer] = [coalescing(), secret()];
    return {
      protect: async (connection, options) =>
        outer.protect(await inner.protect(connection, options), options),
    };
  };
}

/** For the nonces to cross, on a machine that is busy. */
const NONCE_TIMEOUT_MS = 10_000;
