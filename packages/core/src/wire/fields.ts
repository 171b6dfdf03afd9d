/** Tests for fields of decoded foreign values: everything from outside is `unknown` until one of these has seen it. */

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** A safe integer in `min … max` (both included). */
export function isIntegerIn(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

export function isTextUpTo(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax;
}

/** A map as dag-cbor decodes it; never a byte string or an array. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}
