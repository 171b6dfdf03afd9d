/** Plain JSON values, as robots' states hold them, and the two measures that bound them (rule CH3). */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Deepest nesting of a robot's state: a scalar has depth 0, `{}` has depth 1. */
export const STATE_DEPTH_MAX: number = 32;
/** Largest state of one robot, encoded as dag-cbor, tombstones counted. */
export const STATE_BYTES_MAX: number = 16 * 1024;
/** Largest merge patch, encoded as dag-cbor: enough to remove every field of a full state and to write another full one. */
export const PATCH_BYTES_MAX: number = 2 * STATE_BYTES_MAX;

/** Whether a value is a JSON object (not null, not an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
