/** Comparing, measuring and normalising JSON values; all bounded, so that a hostile nesting cannot exhaust the stack. */
import type { CodecPort } from "../ports.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";

/** Whether a value nests deeper than `depthMax` (a scalar has depth 0, `{}` and `[]` have depth 1). */
export function isDeeperThan(value: Json, depthMax: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depthMax < 1) return true;
  const children: readonly Json[] = Array.isArray(value)
    ? (value as readonly Json[])
    : Object.values(value);
  return children.some((child) => isDeeperThan(child, depthMax - 1));
}

/**
 * Whether a value, looked at down to `depthMax`, must take more than `bytesMax` when it is encoded: each value takes a byte, and each character
 * of a text and a key. To find out costs no more than `bytesMax` looks, where to encode a megabyte of small fields takes half a second.
 */
export function isSurelyLarger(value: Json, bytesMax: number, depthMax: number): boolean {
  let left = bytesMax;
  const take = (part: Json | undefined, depth: number): boolean => {
    left -= 1;
    if (typeof part === "string") left -= part.length;
    if (left < 0) return true;
    if (typeof part !== "object" || part === null || depth > depthMax) return false;
    if (Array.isArray(part))
      return (part as readonly Json[]).some((child) => take(child, depth + 1));
    return Object.keys(part).some((key) => {
      left -= 1 + key.length;
      return take((part as JsonObject)[key], depth + 1);
    });
  };
  return take(value, 0);
}

/** Structural equality; key order does not count. */
export function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => isSameJson(item as Json, b[i] as Json));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]))
  );
}

/**
 * The value as every other node will read it (no -0, a copy of its own); undefined when it cannot be encoded. Text with a lone
 * surrogate cannot: an encoder would store U+FFFD in its place without a word.
 */
export function normalJson<T extends Json>(codec: CodecPort, value: T): T | undefined {
  const bytes = encodeJson(codec, value);
  return bytes === undefined ? undefined : (codec.decode(bytes) as T);
}

/** The value encoded; undefined when it cannot be. */
export function encodeJson(codec: CodecPort, value: Json): Uint8Array | undefined {
  if (!isWellFormedJson(value)) return undefined;
  try {
    return codec.encode(value);
  } catch {
    return undefined;
  }
}

function isWellFormedJson(value: Json): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return (value as readonly Json[]).every(isWellFormedJson);
  return Object.entries(value).every(
    ([key, item]) => key.isWellFormed() && isWellFormedJson(item as Json),
  );
}
