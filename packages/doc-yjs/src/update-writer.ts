/**
 * Writes V1 updates: deltas that extend a generation, and the parts of a fresh one. Byte for byte what Yjs would emit for the same
 * `Y.Map` calls (tests compare), but written from the ledger, so that an own write takes the same road as a foreign one: encode,
 * gate, apply. Nothing that our gate would refuse can leave the node, and no object of the caller ends up inside a document.
 */
import { compareText } from "@pulsemesh/core";
import type { GateCode, Json, RecordChange, RobotId, RobotValue } from "@pulsemesh/core";
import { ByteWriter } from "./byte-writer.ts";
import { writeJsonValue } from "./json-value.ts";
import type { Ledger } from "./ledger.ts";
import {
  PART_BYTES_MAX,
  PART_BYTES_MIN,
  PART_STRUCTS_MAX,
  GENERATION_PARTS_MAX,
} from "./limits.ts";

const INFO_FIRST_ITEM = 0x28;
const INFO_NEXT_ITEM = 0xa8;
/** Bytes of the longest header of a part (clients, structs, client, clock) and its empty delete set. */
const PART_FRAME_BYTES = 1 + 3 + 8 + 3 + 1;

export type Encoded =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly code: GateCode };

/** The update that makes these changes. Deleting what is not there writes nothing; of several changes of one robot the last counts. */
export function encodeDelta(ledger: Ledger, changes: readonly RecordChange[]): Encoded {
  const items: Uint8Array[] = [];
  const removed: number[] = [];
  for (const [robot, value] of lastOfEach(changes)) {
    const newest = ledger.newestEnd(robot);
    if (newest !== undefined && ledger.isLive(robot)) removed.push(newest);
    if (value === undefined) continue;
    const item = encodeItem(ledger, robot, value, newest);
    if (!item.ok) return item;
    items.push(item.bytes);
  }
  const writer = new ByteWriter();
  writer.varUint(items.length > 0 ? 1 : 0);
  if (items.length > 0) writeStructs(writer, ledger.clientId, ledger.nextClock, items);
  writeDeleteSet(writer, ledger.clientId, removed);
  return { ok: true, bytes: writer.bytes() };
}

/**
 * Parts of a fresh generation with nothing but these values, in order of robot id, each filled as far as it goes. `ledger` is
 * that of the new, still empty, generation.
 * @throws RangeError on a value that has no encoding, or a part size out of range.
 */
export function encodeParts(
  ledger: Ledger,
  values: readonly RobotValue[],
  partBytesMax: number,
): readonly Uint8Array[] {
  checkPartBytes(partBytesMax);
  const sorted = sortedByRobot(values);
  const parts: Uint8Array[] = [];
  for (let clock = 0; clock < sorted.length;) {
    const { bytes, count } = encodePart(ledger, clock, sorted.slice(clock), partBytesMax);
    parts.push(bytes);
    clock += count;
  }
  if (parts.length > GENERATION_PARTS_MAX)
    throw new RangeError(`Cannot write a snapshot of more than ${GENERATION_PARTS_MAX} parts`);
  return parts;
}

/**
 * One part: as many of the values, sorted and each robot once, as go into it, at least one. `clock` values were in the parts before.
 * @throws RangeError on a value that has no encoding, or a part size out of range.
 */
export function encodePart(
  ledger: Ledger,
  clock: number,
  values: Iterable<RobotValue>,
  partBytesMax: number,
): { readonly bytes: Uint8Array; readonly count: number } {
  checkPartBytes(partBytesMax);
  const items: Uint8Array[] = [];
  let bytes = PART_FRAME_BYTES;
  for (const { robot, value } of values) {
    const item = encodeItem(ledger, robot, value, undefined);
    if (!item.ok)
      throw new RangeError(
        `Cannot write a snapshot as the value of '${robot}' is refused: ${item.code}`,
      );
    const isFull = bytes + item.bytes.length > partBytesMax || items.length === PART_STRUCTS_MAX;
    if (isFull && items.length > 0) break;
    items.push(item.bytes);
    bytes += item.bytes.length;
  }
  const writer = new ByteWriter();
  writer.varUint(1);
  writeStructs(writer, ledger.clientId, clock, items);
  writeDeleteSet(writer, ledger.clientId, []);
  return { bytes: writer.bytes(), count: items.length };
}

function checkPartBytes(partBytesMax: number): void {
  if (partBytesMax >= PART_BYTES_MIN && partBytesMax <= PART_BYTES_MAX) return;
  throw new RangeError(
    `Cannot write a snapshot as 'partBytesMax' must be ${PART_BYTES_MIN} to ${PART_BYTES_MAX} bytes: current value is ${partBytesMax}`,
  );
}

function encodeItem(
  ledger: Ledger,
  robot: RobotId,
  value: Json,
  origin: number | undefined,
): Encoded {
  const writer = new ByteWriter();
  if (origin === undefined) {
    writer.byte(INFO_FIRST_ITEM);
    writer.varUint(1);
    writer.text(ledger.root);
    writer.text(robot);
  } else {
    writer.byte(INFO_NEXT_ITEM);
    writer.varUint(ledger.clientId);
    writer.varUint(origin);
  }
  writer.varUint(1);
  const code = writeJsonValue(writer, value);
  return code === undefined ? { ok: true, bytes: writer.bytes() } : { ok: false, code };
}

function writeStructs(
  writer: ByteWriter,
  clientId: number,
  clock: number,
  items: readonly Uint8Array[],
): void {
  writer.varUint(items.length);
  writer.varUint(clientId);
  writer.varUint(clock);
  for (const item of items) writer.raw(item);
}

/** Ranges in order of clock, neighbours merged. */
function writeDeleteSet(writer: ByteWriter, clientId: number, clocks: number[]): void {
  const ranges: { readonly clock: number; length: number }[] = [];
  for (const clock of clocks.sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.clock + last.length === clock) last.length++;
    else ranges.push({ clock, length: 1 });
  }
  writer.varUint(ranges.length > 0 ? 1 : 0);
  if (ranges.length === 0) return;
  writer.varUint(clientId);
  writer.varUint(ranges.length);
  for (const { clock, length } of ranges) {
    writer.varUint(clock);
    writer.varUint(length);
  }
}

function lastOfEach(changes: readonly RecordChange[]): ReadonlyMap<RobotId, Json | undefined> {
  return new Map(changes.map(({ robot, value }) => [robot, value]));
}

function sortedByRobot(values: readonly RobotValue[]): readonly RobotValue[] {
  const unique = new Map(values.map((each) => [each.robot, each]));
  return [...unique.values()].sort((a, b) => compareText(a.robot, b.robot));
}
