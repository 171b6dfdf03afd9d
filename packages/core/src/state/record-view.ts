/**
 * What a merged record shows (rule CH4): a tree of plain JSON without stamps.
 *
 * A field is alive when its stamp is above every tombstone at or above its path and above the retired marker. Living fields are then set
 * in stamp order, so that across ancestor and leaf the higher stamp wins. An empty object says only that there is an object: it
 * replaces a scalar, and leaves members that others added. What is shown is bounded by what lives in the merged record, whoever wrote
 * it: a record that others outdo weighs nothing, so dropping it (rule CH7) changes no view.
 */
import { compareText } from "../ids.ts";
import { isJsonObject, STATE_BYTES_MAX, type Json, type JsonObject } from "../json.ts";
import { ancestors, pointerKeys } from "./pointer.ts";
import { CLAIM, compareStamps, type MergedRecord, type Stamp } from "./record.ts";

type Tree = { [key: string]: Json };
type StampedLeaf = Stamp & { readonly pointer: string; readonly value: Json };

/**
 * Largest view of one robot, by {@link weightOf}: as much as 16 gateways apart can each write whole. Beyond it the fields with the newest
 * stamps are shown.
 */
export const VIEW_WEIGHT_MAX: number = 16 * STATE_BYTES_MAX;

export interface RecordView {
  /** Without prototype. */
  readonly root: JsonObject;
  /** Fields were left out for {@link VIEW_WEIGHT_MAX}. */
  readonly isCut: boolean;
}

/** The tree of a record. */
export function viewOf(merged: MergedRecord): RecordView {
  const alive: StampedLeaf[] = [];
  if (isRegistered(merged)) {
    for (const [pointer, field] of merged.fields) {
      if (isAlive(merged, pointer, field)) alive.push({ ...field, pointer });
    }
  }
  alive.sort((a, b) => compareStamps(a, b) || compareText(a.pointer, b.pointer));
  const root = newTree();
  const first = firstShown(alive);
  for (let i = first; i < alive.length; i++) {
    const { pointer, value } = alive[i] as StampedLeaf;
    setLeaf(root, pointerKeys(pointer), value);
  }
  return { root, isCut: first > 0 };
}

/** From which leaf on all fit: nothing is shown that is older than something left out. */
function firstShown(alive: readonly StampedLeaf[]): number {
  let weight = 0;
  for (let i = alive.length - 1; i >= 0; i--) {
    const { pointer, value } = alive[i] as StampedLeaf;
    weight += pointer.length + weightOf(value);
    if (weight > VIEW_WEIGHT_MAX) return i + 1;
  }
  return 0;
}

/** What a value weighs, the same on every node: characters of its texts, and 8 for everything that there is. */
function weightOf(value: Json): number {
  if (typeof value === "string") return 8 + value.length;
  if (typeof value !== "object" || value === null) return 8;
  let weight = 8;
  for (const [key, item] of Object.entries(value))
    weight += (Array.isArray(value) ? 0 : key.length) + weightOf(item as Json);
  return weight;
}

/** Tombstones that no tombstone above them makes superfluous. */
export function standingTombstones(merged: MergedRecord): readonly string[] {
  return [...merged.tombstones]
    .filter(
      ([pointer, stamp]) =>
        !ancestors(pointer).some((ancestor) => hides(merged.tombstones.get(ancestor), stamp)),
    )
    .map(([pointer]) => pointer);
}

/**
 * What was written of a robot after it was retired, by somebody who was away and did not know, brings nothing back by itself: it shows once
 * somebody registers the robot anew (rule OFF3).
 */
function isRegistered(merged: MergedRecord): boolean {
  if (merged.retired === undefined) return true;
  const claim = merged.fields.get(CLAIM);
  return claim !== undefined && isAlive(merged, CLAIM, claim);
}

function isAlive(merged: MergedRecord, pointer: string, field: Stamp): boolean {
  const { tombstones, retired } = merged;
  if (hides(retired, field)) return false;
  if (tombstones.size === 0) return true;
  if (hides(tombstones.get(pointer), field)) return false;
  return !ancestors(pointer).some((ancestor) => hides(tombstones.get(ancestor), field));
}

function hides(tombstone: Stamp | undefined, field: Stamp): boolean {
  return tombstone !== undefined && tombstone.hlc >= field.hlc;
}

/** Trees have no prototype: `__proto__` is a key like any other. */
function newTree(): Tree {
  return Object.create(null) as Tree;
}

function setLeaf(root: Tree, keys: readonly string[], value: Json): void {
  let node = root;
  for (let i = 0; i < keys.length - 1; i++) {
    const key = keys[i] as string;
    const child = node[key];
    if (isJsonObject(child)) {
      node = child as Tree;
    } else {
      const made = newTree();
      node[key] = made;
      node = made;
    }
  }
  const last = keys[keys.length - 1] as string;
  if (!isJsonObject(value)) node[last] = value;
  else if (!isJsonObject(node[last])) node[last] = newTree();
}
