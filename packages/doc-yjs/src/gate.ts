/**
 * The gate for foreign bytes (rule CH3): decides about an update completely before Yjs sees a byte of it.
 *
 * Why not `Y.decodeUpdate` or a try around `applyUpdate`: applying is not atomic, a struct ahead of its clock is stored and re-encoded
 * for ever, and a forged origin moves an item into another author's map without any trace in the delete set. Here everything is
 * refused that one honest writer, extending its own line, never writes. That is stricter than "names own items": an origin
 * must be the robot's newest item, and there is no right origin at all. What passes can neither wait nor conflict.
 */
import { isRobotId } from "@pulsemesh/core";
import type { RobotId } from "@pulsemesh/core";
import type { ByteReader } from "./byte-reader.ts";
import { Draft } from "./draft.ts";
import { checkJsonValue } from "./json-value.ts";
import type { Ledger, Plan } from "./ledger.ts";
import {
  DELETE_RANGES_MAX,
  DELTA_BYTES_MAX,
  DELTA_STRUCTS_MAX,
  PART_BYTES_MAX,
  PART_STRUCTS_MAX,
} from "./limits.ts";

/** The low five bits of a struct's info byte say what it is; these are the ones with a meaning here. */
const KIND = { collected: 0, deleted: 1, value: 8 } as const;
/** Kinds that Yjs knows and we refuse: JSON text, binary, string, embed, format, type, subdocument, skip. */
const LAST_KNOWN_KIND = 10;
const KIND_BITS = 0x1f;
const HAS_KEY = 0x20;
const HAS_RIGHT_ORIGIN = 0x40;
const HAS_ORIGIN = 0x80;

/** Judges one delta. Undefined when it is refused; the reader says why. */
export function inspectDelta(reader: ByteReader, ledger: Ledger): Plan | undefined {
  if (reader.left > DELTA_BYTES_MAX) reader.refuse("too-large");
  const draft = new Draft(ledger);
  const structs = inspectHeader(reader, ledger, DELTA_STRUCTS_MAX);
  for (let index = 0; index < structs && reader.refusal === undefined; index++)
    inspectStruct(reader, draft);
  inspectDeleteSet(reader, draft);
  return finish(reader, draft);
}

/** Judges one part of a snapshot, whose predecessors are in the ledger: first items of new robots with live values, nothing else. */
export function inspectPart(reader: ByteReader, ledger: Ledger): Plan | undefined {
  if (reader.left > PART_BYTES_MAX) reader.refuse("too-large");
  const draft = new Draft(ledger);
  const structs = inspectHeader(reader, ledger, PART_STRUCTS_MAX);
  if (structs === 0) reader.refuse("malformed");
  for (let index = 0; index < structs && reader.refusal === undefined; index++) {
    const info = reader.byte();
    if ((info & KIND_BITS) !== KIND.value) refuseKind(reader, info);
    if ((info & HAS_ORIGIN) !== 0) reader.refuse("foreign-origin");
    inspectItem(reader, draft, info);
  }
  if (reader.varUint() !== 0) reader.refuse("foreign-delete");
  return finish(reader, draft);
}

function finish(reader: ByteReader, draft: Draft): Plan | undefined {
  if (reader.left > 0) reader.refuse("malformed");
  const refusal = draft.overLimit();
  if (refusal !== undefined) reader.refuse(refusal);
  return reader.refusal === undefined ? draft.plan() : undefined;
}

/** The first varints, before anything is decoded: clients (none, or the author's one), structs, client, first clock. */
function inspectHeader(reader: ByteReader, ledger: Ledger, structsMax: number): number {
  const clients = reader.varUint();
  if (clients === 0) return 0;
  if (clients > 1) reader.refuse("foreign-client");
  const structs = reader.varUint();
  if (structs > structsMax) reader.refuse("too-many-structs");
  if (structs === 0) reader.refuse("malformed");
  if (reader.varUint() !== ledger.clientId) reader.refuse("foreign-client");
  if (reader.varUint() !== ledger.nextClock) reader.refuse("clock-gap");
  return structs;
}

function inspectStruct(reader: ByteReader, draft: Draft): void {
  const info = reader.byte();
  switch (info & KIND_BITS) {
    case KIND.collected: {
      if (info !== KIND.collected) reader.refuse("malformed");
      draft.place(reader, undefined, runLength(reader), 0);
      return;
    }
    case KIND.deleted:
    case KIND.value:
      inspectItem(reader, draft, info);
      return;
    default:
      refuseKind(reader, info);
  }
}

function refuseKind(reader: ByteReader, info: number): void {
  reader.refuse((info & KIND_BITS) <= LAST_KNOWN_KIND ? "bad-content" : "malformed");
}

function inspectItem(reader: ByteReader, draft: Draft, info: number): void {
  const robot =
    (info & HAS_ORIGIN) === 0 ? inspectFirst(reader, draft, info) : inspectOrigin(reader, draft);
  if ((info & HAS_RIGHT_ORIGIN) !== 0) reader.refuse("foreign-origin");
  if ((info & HAS_KEY) === 0) reader.refuse("bad-key");
  if (reader.refusal !== undefined || robot === undefined) return;
  if ((info & KIND_BITS) === KIND.deleted) {
    draft.place(reader, robot, runLength(reader), 0);
    return;
  }
  if (reader.varUint() !== 1) reader.refuse("bad-content");
  draft.place(reader, robot, 1, robot.length + checkJsonValue(reader));
}

/** An item that continues its robot's line. A right origin, if it has one, is refused by the caller before more is read. */
function inspectOrigin(reader: ByteReader, draft: Draft): RobotId | undefined {
  const client = reader.varUint();
  const clock = reader.varUint();
  const robot = client === draft.ledger.clientId ? draft.robotEndingAt(clock) : undefined;
  if (robot === undefined) reader.refuse("foreign-origin");
  return robot;
}

/** A robot's first item: it names its parent, the author's root, and its key. */
function inspectFirst(reader: ByteReader, draft: Draft, info: number): RobotId | undefined {
  // With a right origin no parent is written: the parent would be that of the item named.
  if ((info & HAS_RIGHT_ORIGIN) !== 0) reader.refuse("foreign-origin");
  const byName = reader.varUint();
  // A parent by id would have to be a nested type, and own items never are.
  if (byName === 0) reader.refuse("foreign-parent");
  if (byName > 1) reader.refuse("malformed");
  if (reader.text() !== draft.ledger.root) reader.refuse("foreign-parent");
  if ((info & HAS_KEY) === 0) reader.refuse("bad-key");
  const key = reader.text();
  if (!isRobotId(key)) {
    reader.refuse("bad-key");
    return undefined;
  }
  if (draft.newestEnd(key) !== undefined) reader.refuse("foreign-origin");
  return key;
}

/** At least 1; how far a run may go is the draft's limit. */
function runLength(reader: ByteReader): number {
  const length = reader.varUint();
  if (length === 0) reader.refuse("malformed");
  return length;
}

function inspectDeleteSet(reader: ByteReader, draft: Draft): void {
  const clients = reader.varUint();
  if (clients === 0) return;
  if (clients > 1) reader.refuse("foreign-delete");
  if (reader.varUint() !== draft.ledger.clientId) reader.refuse("foreign-delete");
  const ranges = reader.varUint();
  if (ranges > DELETE_RANGES_MAX) reader.refuse("too-many-structs");
  if (ranges === 0) reader.refuse("malformed");
  let from = 0;
  for (let index = 0; index < ranges && reader.refusal === undefined; index++) {
    const clock = reader.varUint();
    const length = reader.varUint();
    // Sorted and merged, as Yjs writes them: a gap between ranges, none of them empty.
    if (length === 0 || clock < from) reader.refuse("malformed");
    if (clock + length > draft.nextClock) reader.refuse("pending");
    if (reader.refusal === undefined) draft.remove(clock, length);
    from = clock + length + 1;
  }
}
