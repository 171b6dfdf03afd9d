/** SHA-256 that hashes each byte string once, for the same reason as the codec's cache. */
import { hash } from "node:crypto";
import type { HashPort } from "@pulsemesh/core";

/** A hash port with a cache by identity of the bytes; share one between all nodes of a run. */
export function createCachedHash(): HashPort {
  const cache = new WeakMap<Uint8Array, Uint8Array>();
  return {
    sha256: (bytes) => {
      let digest = cache.get(bytes);
      if (digest === undefined) {
        digest = new Uint8Array(hash("sha256", bytes, "buffer"));
        cache.set(bytes, digest);
      }
      return digest;
    },
  };
}
