/**
 * One robot as one author wrote it, and how several such records become one (rule CH4).
 *
 * A record holds fields (`pointer → [stamp, value]`), tombstones (`pointer → stamp`: everything at and below it up to that stamp is gone)
 * and perhaps a retired marker, which is a tombstone at the root that is kept for good. Merging takes the newest of each by
 * (hlc, author, epoch), so it depends on what is merged and not on the order in which it came; what is shown is worked out of the merged
 * record alone. A retired marker counts only of who claims the robot, or any key could delete any robot. Everything goes into one map,
 * because a copy for each record would make many small records cost their number squared.
 * Rejected: merging whole records, where two gateways apart would lose each other's fields.
 */
import { compareText, type NodeId } from "../ids.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { isSameJson } from "./json-values.ts";
import { isPointer } from "./pointer.ts";

/** Fields and tombstones that one record may hold; a 16 KiB record cannot reach it. */
export const RECORD_FIELDS_MAX: number = 8_192;

/** Who holds this field in its own chain claims the robot (rule VE6). */
export const CLAIM: string = "/schedule";

/** Who wrote something, and when by its own clock. */
export interface Stamp {
  readonly hlc: number;
  readonly author: NodeId;
  readonly epoch: number;
}

export interface Field {
  readonly hlc: number;
  readonly value: Json;
}

/** What one author says of one robot. */
export interface RobotRecord {
  readonly fields: ReadonlyMap<string, Field>;
  readonly tombstones: ReadonlyMap<string, number>;
  /** 0 when the robot was never retired. */
  readonly retiredHlc: number;
}

/** One author's record in one epoch. */
export interface Source {
  readonly author: NodeId;
  readonly epoch: number;
  readonly record: RobotRecord;
}

/** What several records add up to; every fact keeps who wrote it. */
export interface MergedRecord {
  readonly fields: ReadonlyMap<string, Stamp & { readonly value: Json }>;
  readonly tombstones: ReadonlyMap<string, Stamp>;
  readonly retired: Stamp | undefined;
  /** The newest retired marker of somebody who has no say about the robot. */
  readonly unheeded: Stamp | undefined;
}

export const EMPTY_RECORD: RobotRecord = {
  fields: new Map(),
  tombstones: new Map(),
  retiredHlc: 0,
};

/** Total order of stamps. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.hlc - b.hlc || compareText(a.author, b.author) || a.epoch - b.epoch;
}

/** Whether two records say the same, stamps included. */
export function isSameRecord(a: RobotRecord, b: RobotRecord): boolean {
  if (a.retiredHlc !== b.retiredHlc || a.fields.size !== b.fields.size) return false;
  if (a.tombstones.size !== b.tombstones.size) return false;
  for (const [pointer, { hlc, value }] of a.fields) {
    const other = b.fields.get(pointer);
    if (other === undefined || other.hlc !== hlc || !isSameJson(other.value, value)) return false;
  }
  for (const [pointer, hlc] of a.tombstones) if (b.tombstones.get(pointer) !== hlc) return false;
  return true;
}

/** Whether nothing is left of a robot but what keeps it retired. */
export function isMarker({ fields, tombstones, retiredHlc }: RobotRecord): boolean {
  return (
    retiredHlc > 0 &&
    tombstones.size === 0 &&
    fields.size === 1 &&
    fields.get(CLAIM)?.value === null
  );
}

/** The JSON value that an author writes for one robot. */
export function recordToJson(record: RobotRecord): JsonObject {
  // Sorted, so that whoever holds the same record writes the same bytes.
  const pointers = [...record.fields.keys()].toSorted();
  const f = Object.fromEntries(
    pointers.map((pointer) => [pointer, fieldToJson(record.fields.get(pointer))]),
  );
  const t = Object.fromEntries([...record.tombstones].toSorted(([a], [b]) => compareText(a, b)));
  return record.retiredHlc > 0 ? { f, t, r: record.retiredHlc } : { f, t };
}

/** Reads a foreign value; undefined when it is no record at all, so that every reader leaves out the same ones. */
export function recordFromJson(value: Json): RobotRecord | undefined {
  if (!isJsonObject(value)) return undefined;
  const { f, t, r } = value;
  if (!isJsonObject(f) || !isJsonObject(t) || (r !== undefined && !isStamp(r))) return undefined;
  const rawFields = Object.entries(f);
  const rawTombstones = Object.entries(t);
  if (rawFields.length + rawTombstones.length > RECORD_FIELDS_MAX) return undefined;
  const fields = new Map<string, Field>();
  for (const [pointer, field] of rawFields) {
    if (!isPointer(pointer) || !Array.isArray(field) || field.length !== 2) return undefined;
    const [hlc, leaf] = field as readonly Json[];
    if (!isStamp(hlc) || leaf === undefined || !isLeaf(leaf)) return undefined;
    fields.set(pointer, { hlc, value: leaf });
  }
  const retiredHlc = r ?? 0;
  // Most have none, and an empty map takes as much room as their fields.
  if (rawTombstones.length === 0)
    return { fields, tombstones: EMPTY_RECORD.tombstones, retiredHlc };
  const tombstones = new Map<string, number>();
  for (const [pointer, hlc] of rawTombstones) {
    if (!isPointer(pointer) || !isStamp(hlc)) return undefined;
    tombstones.set(pointer, hlc);
  }
  return { fields, tombstones, retiredHlc };
}

/** Everything that `sources` say up to `horizon`; what is beyond it is not shown yet, so it hides nothing either. */
export function mergeRecords(
  sources: readonly Source[],
  horizon: number,
  heeds: (author: NodeId, hlc: number) => boolean,
): MergedRecord {
  const fields = new Map<string, Stamp & { readonly value: Json }>();
  const tombstones = new Map<string, Stamp>();
  let retired: Stamp | undefined;
  let unheeded: Stamp | undefined;
  for (const { author, epoch, record } of sources) {
    for (const [pointer, { hlc, value }] of record.fields) {
      if (hlc > horizon || !isNewer(hlc, author, epoch, fields.get(pointer))) continue;
      fields.set(pointer, { hlc, author, epoch, value });
    }
    for (const [pointer, hlc] of record.tombstones) {
      if (hlc > horizon || !isNewer(hlc, author, epoch, tombstones.get(pointer))) continue;
      tombstones.set(pointer, { hlc, author, epoch });
    }
    const marker = { hlc: record.retiredHlc, author, epoch };
    if (marker.hlc === 0 || marker.hlc > horizon) continue;
    if (heeds(author, marker.hlc)) retired = newest(retired, marker);
    else unheeded = newest(unheeded, marker);
  }
  return { fields, tombstones, retired, unheeded };
}

/** The lowest stamp beyond `horizon`: when the view has to be looked at again. */
export function firstStampBeyond(record: RobotRecord, horizon: number): number {
  let first = record.retiredHlc > horizon ? record.retiredHlc : Number.POSITIVE_INFINITY;
  for (const { hlc } of record.fields.values()) if (hlc > horizon && hlc < first) first = hlc;
  for (const hlc of record.tombstones.values()) if (hlc > horizon && hlc < first) first = hlc;
  return first;
}

/** Drops who wrote what: the record that an author writes to cover several of its epochs. */
export function unattribute(merged: MergedRecord): RobotRecord {
  const fields = new Map<string, Field>();
  for (const [pointer, { hlc, value }] of merged.fields) fields.set(pointer, { hlc, value });
  const tombstones = new Map<string, number>();
  for (const [pointer, { hlc }] of merged.tombstones) tombstones.set(pointer, hlc);
  return { fields, tombstones, retiredHlc: merged.retired?.hlc ?? 0 };
}

/** The highest stamp in a record not above `horizon`. */
export function highestStamp(record: RobotRecord, horizon: number): number {
  let highest = record.retiredHlc <= horizon ? record.retiredHlc : 0;
  for (const { hlc } of record.fields.values()) if (hlc > highest && hlc <= horizon) highest = hlc;
  for (const hlc of record.tombstones.values()) if (hlc > highest && hlc <= horizon) highest = hlc;
  return highest;
}

function fieldToJson(field: Field | undefined): Json {
  return field === undefined ? [] : [field.hlc, field.value];
}

function isNewer(hlc: number, author: NodeId, epoch: number, held: Stamp | undefined): boolean {
  if (held === undefined || hlc !== held.hlc) return held === undefined || hlc > held.hlc;
  return compareStamps({ hlc, author, epoch }, held) > 0;
}

function newest(a: Stamp | undefined, b: Stamp): Stamp {
  return a === undefined || compareStamps(b, a) > 0 ? b : a;
}

function isStamp(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isLeaf(value: Json): boolean {
  return !isJsonObject(value) || Object.keys(value).length === 0;
}
