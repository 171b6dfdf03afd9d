/**
 * One JSON value in the encoding of Yjs' "any" content: checked without being built, and written.
 *
 * Only what JSON can say passes: no undefined, bigint, byte string, NaN or infinity. Keys are unique, and `__proto__` is refused
 * because the decoder that Yjs uses assigns it and would lose the value; two nodes would then read different things.
 */
import type { GateCode } from "@pulsemesh/core";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { RECORD_BYTES_MAX, RECORD_DEPTH_MAX } from "./limits.ts";

/** The tags of lib0 that stand for JSON. */
const TAG = {
  null: 126,
  integer: 125,
  float32: 124,
  float64: 123,
  false: 121,
  true: 120,
  text: 119,
  object: 118,
  array: 117,
} as const;
/** lib0 writes integers up to this size as such, larger ones as floats. */
const LARGEST_INTEGER = 0x7fffffff;
const FEW_KEYS = 8;
const FORBIDDEN_KEY = "__proto__";
const SCRATCH: DataView = new DataView(new ArrayBuffer(4));

/** Reads over one value; the reader's refusal says what was wrong with it. Returns its size in bytes. */
export function checkJsonValue(reader: ByteReader): number {
  const start = reader.at;
  checkNested(reader, 0);
  const bytes = reader.at - start;
  if (bytes > RECORD_BYTES_MAX) reader.refuse("too-large");
  return bytes;
}

function checkNested(reader: ByteReader, depth: number): void {
  switch (reader.byte()) {
    case TAG.null:
    case TAG.false:
    case TAG.true:
      return;
    case TAG.integer:
      reader.varInt();
      return;
    case TAG.float32:
      checkFinite(reader, reader.float(4));
      return;
    case TAG.float64:
      checkFinite(reader, reader.float(8));
      return;
    case TAG.text:
      reader.skipText();
      return;
    case TAG.array:
      checkArray(reader, depth + 1);
      return;
    case TAG.object:
      checkObject(reader, depth + 1);
      return;
    default:
      reader.refuse("bad-content");
  }
}

function checkFinite(reader: ByteReader, value: number): void {
  if (!Number.isFinite(value)) reader.refuse("bad-content");
}

function checkArray(reader: ByteReader, depth: number): void {
  if (depth > RECORD_DEPTH_MAX) reader.refuse("too-deep");
  const count = reader.varUint();
  // Every element takes at least one byte, so a count beyond the rest is a lie that would cost a long loop.
  if (count > reader.left) reader.refuse("malformed");
  for (let index = 0; index < count && reader.refusal === undefined; index++)
    checkNested(reader, depth);
}

function checkObject(reader: ByteReader, depth: number): void {
  if (depth > RECORD_DEPTH_MAX) reader.refuse("too-deep");
  const count = reader.varUint();
  if (count * 2 > reader.left) reader.refuse("malformed");
  // Most objects have few keys; then a list is faster than a set, and it stays linear.
  const few: string[] = [];
  const many = count > FEW_KEYS ? new Set<string>() : undefined;
  for (let index = 0; index < count && reader.refusal === undefined; index++) {
    const key = reader.text();
    if (key === FORBIDDEN_KEY || (many?.has(key) ?? few.includes(key)))
      reader.refuse("bad-content");
    if (many === undefined) few.push(key);
    else many.add(key);
    checkNested(reader, depth);
  }
}

/**
 * Writes one value as Yjs would. Returns why it cannot be written faithfully; what was written before then is of no use.
 * Values of a size or kind that is expressible but not allowed are left to the gate.
 */
export function writeJsonValue(
  writer: ByteWriter,
  value: unknown,
  depth: number = 0,
): GateCode | undefined {
  if (writer.length > RECORD_BYTES_MAX * 2) return "too-large";
  switch (typeof value) {
    case "boolean":
      writer.byte(value ? TAG.true : TAG.false);
      return undefined;
    case "number":
      writeNumber(writer, value);
      return undefined;
    case "string":
      writer.byte(TAG.text);
      return writeText(writer, value);
    case "object":
      if (depth > RECORD_DEPTH_MAX) return "too-deep";
      return writeNested(writer, value, depth + 1);
    default:
      return "bad-content";
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isInteger(value) && Math.abs(value) <= LARGEST_INTEGER) {
    writer.byte(TAG.integer);
    writer.varInt(value);
    return;
  }
  SCRATCH.setFloat32(0, value);
  const single = SCRATCH.getFloat32(0) === value;
  writer.byte(single ? TAG.float32 : TAG.float64);
  if (single) writer.float32(value);
  else writer.float64(value);
}

/** UTF-8 has no half surrogates: written, they would come back as something else. */
function writeText(writer: ByteWriter, value: string): GateCode | undefined {
  if (!value.isWellFormed()) return "bad-content";
  writer.text(value);
  return undefined;
}

function writeNested(
  writer: ByteWriter,
  value: object | null,
  depth: number,
): GateCode | undefined {
  if (value === null) {
    writer.byte(TAG.null);
    return undefined;
  }
  if (Array.isArray(value)) {
    writer.byte(TAG.array);
    writer.varUint(value.length);
    for (const element of value as readonly unknown[]) {
      const refusal = writeJsonValue(writer, element, depth);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return "bad-content";
  const entries = Object.entries(value);
  writer.byte(TAG.object);
  writer.varUint(entries.length);
  for (const [key, element] of entries) {
    const refusal = writeText(writer, key) ?? writeJsonValue(writer, element, depth);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
