/**
 * dag-cbor that decodes each byte string once: a broadcast reaches thirty nodes as the same bytes, and decoding it thirty times would be
 * most of a run. What comes out is shared between nodes, so it is frozen: a core that changed a decoded message would throw here.
 */
import { dagCborCodec, type CodecPort } from "@pulsemesh/core";

type Decoded = { readonly value: unknown } | { readonly error: unknown };

/** A codec with a cache by identity of the bytes; share one between all nodes of a run. */
export function createCachedCodec(): CodecPort {
  const cache = new WeakMap<Uint8Array, Decoded>();
  return {
    encode: (value) => dagCborCodec.encode(value),
    decode: (bytes): unknown => {
      let decoded = cache.get(bytes);
      if (decoded === undefined) {
        decoded = decodeOnce(bytes);
        cache.set(bytes, decoded);
      }
      if ("error" in decoded) throw decoded.error;
      return decoded.value;
    },
  };
}

function decodeOnce(bytes: Uint8Array): Decoded {
  try {
    return { value: freeze(dagCborCodec.decode(bytes)) };
  } catch (error) {
    return { error };
  }
}

function freeze(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  for (const item of Object.values(value)) freeze(item);
  return Object.freeze(value);
}
