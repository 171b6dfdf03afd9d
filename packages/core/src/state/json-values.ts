/** Comparing, measuring and normalising JSON values; all bounded, so that a hostile nesting cannot exhaust the stack. */
import type { CodecPort } from "../ports.ts";
import { isJsonObject, type Json } from "../json.ts";

/** Whether a value nests deeper than `depthMax` (a scalar has depth 0, `{}` and `[]` have depth 1). */
export function isDeeperThan(value: Json, depthMax: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depthMax < 1) return true;
  const children: readonly Json[] = Array.isArray(value)
    ? (value as readonly Json[])
    : Object.values(value);
  return children.some((child) => isDeeperThan(child, depthMax - 1));
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
