/** One robot in memory: who wrote what about it, and the view worked out of that, kept until something changes. */
import type { Env } from "../env.ts";
import { compareText, type NodeId, type RobotId } from "../ids.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { toHex } from "../wire/hex.ts";
import { claimOf, countedSources, heededClaims } from "./counted-sources.ts";
import { hlcWallMs } from "./hlc.ts";
import { standingTombstones, viewOf } from "./record-view.ts";
import { CLAIM, firstStampBeyond, mergeRecords, type MergedRecord, type Source } from "./record.ts";

/** What a robot's record shows to readers. */
export interface ShownRecord {
  /** By first pointer segment: state, health, labels, schedule, … Without prototype, never changed in place. */
  readonly root: JsonObject;
  readonly state: JsonObject;
  /** SHA-256 of dag-cbor [robot, root]. */
  readonly hash: Uint8Array;
  /** Changes whenever any field does: 16 hex characters. */
  readonly version: string;
  /** Of `state`, quoted. */
  readonly etag: string;
  /** The lowest stamp that is not shown yet, infinite when there is none. */
  readonly aheadHlc: number;
  /** Who wrote the newest `/schedule`: the robot's registrar. */
  readonly registrar: NodeId | undefined;
  /** Whose own chain says `/schedule` since the robot was retired, if it ever was; sorted. */
  readonly claimants: readonly NodeId[];
  /** Who retired it, unless somebody claims it since: what else is written late brings nobody back. */
  readonly retiredBy: NodeId | undefined;
  /** When, by the clock of who did. */
  readonly retiredWallMs: number | undefined;
  /** The stamp of the marker that counts, claimed above or not; 0 when there is none. */
  readonly retiredHlc: number;
  /** Who hides the claim of this node with a marker, whoever may have claimed the robot above it since. */
  readonly hiddenBy: NodeId | undefined;
  /** Who retired it without a claim to it, which has no effect. */
  readonly unheededBy: NodeId | undefined;
  /** Records or fields were left out for the limits of a view. */
  readonly isCut: boolean;
}

/** A state before it is written, and what it would weigh. */
export interface StatePreview {
  readonly state: JsonObject;
  /** dag-cbor size with the tombstones that stand. */
  readonly bytes: number;
}

/** Whether a robot has anything to show. */
export function hasAnything({ root }: ShownRecord): boolean {
  return Object.keys(root).length > 0;
}

const NO_STATE: JsonObject = Object.freeze(Object.create(null) as JsonObject);

/** What the records that count say together, as every node that holds them has it (promise P1). */
export function mergeSources(sources: readonly Source[], horizon: number): MergedRecord {
  const counted = countedSources(sources);
  const claims = heededClaims(counted, horizon);
  return mergeRecords(counted, horizon, (author) => claims.has(author));
}

/** All that one author says of a robot, as it writes it down itself. */
export function mergeOwn(sources: readonly Source[]): MergedRecord {
  return mergeRecords(sources, Number.POSITIVE_INFINITY, () => true);
}

export function showSources(
  env: Env,
  robot: RobotId,
  sources: readonly Source[],
  merged: MergedRecord,
  horizon: number,
): ShownRecord {
  const { codec, hash: hashing } = env.ports;
  const { root, isCut } = viewOf(merged);
  const shownState = root["state"];
  const state = isJsonObject(shownState) ? shownState : NO_STATE;
  const hash = hashing.sha256(codec.encode([robot, root]));
  const etag = `"${toHex(hashing.sha256(codec.encode(state)).subarray(0, 8))}"`;
  const registrar = merged.fields.get(CLAIM)?.author;
  const claimants = claimantsOf(sources, merged, horizon);
  const retired = claimants.length === 0 ? merged.retired : undefined;
  let aheadHlc = Number.POSITIVE_INFINITY;
  for (const { record } of sources)
    aheadHlc = Math.min(aheadHlc, firstStampBeyond(record, horizon));
  return {
    root,
    state,
    hash,
    version: toHex(hash.subarray(0, 8)),
    etag,
    aheadHlc,
    registrar,
    claimants,
    retiredBy: retired?.author,
    retiredWallMs: retired === undefined ? undefined : hlcWallMs(retired.hlc),
    retiredHlc: merged.retired?.hlc ?? 0,
    hiddenBy: hiderOf(env.identity.self, sources, merged, horizon),
    unheededBy: merged.unheeded?.author,
    isCut: isCut || countedSources(sources).length < sources.length,
  };
}

function claimantsOf(
  sources: readonly Source[],
  merged: MergedRecord,
  horizon: number,
): readonly NodeId[] {
  const claimants = new Set<NodeId>();
  for (const { author, record } of sources) {
    const hlc = record.fields.get(CLAIM)?.hlc;
    if (hlc !== undefined && hlc <= horizon && hlc > (merged.retired?.hlc ?? 0))
      claimants.add(author);
  }
  return claimants.size < 2 ? [...claimants] : [...claimants].toSorted(compareText);
}

/** Whose marker hides the claim that an author made after it retired the robot itself, if it ever did. */
function hiderOf(
  self: NodeId,
  sources: readonly Source[],
  { retired }: MergedRecord,
  horizon: number,
): NodeId | undefined {
  if (retired === undefined || retired.author === self) return undefined;
  let ownRetiredHlc = 0;
  for (const { author, record } of sources)
    if (author === self) ownRetiredHlc = Math.max(ownRetiredHlc, record.retiredHlc);
  const claimHlc = claimOf(sources, self, horizon);
  return claimHlc > ownRetiredHlc && claimHlc <= retired.hlc ? retired.author : undefined;
}

/** The state alone, without the hashes of a {@link ShownRecord}. */
export function previewState(env: Env, merged: MergedRecord): StatePreview {
  const { codec } = env.ports;
  const shownState = viewOf(merged).root["state"];
  const state = isJsonObject(shownState) ? shownState : NO_STATE;
  const tombstones = standingTombstones(merged).filter((pointer) => pointer.startsWith("/state"));
  const overhead =
    tombstones.length === 0 ? 0 : codec.encode(tombstones).length + tombstones.length * STAMP_BYTES;
  return { state, bytes: codec.encode(state).length + overhead };
}

/** A stamp in dag-cbor. */
const STAMP_BYTES = 9;
