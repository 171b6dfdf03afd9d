/**
 * A merge patch (RFC 7396) on a robot's state, as changes of single fields (rule CH4), so that two gateways that patch different keys of
 * one robot while apart do not undo each other.
 */
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { isSameJson } from "./json-values.ts";
import { childPointer, leavesOf } from "./pointer.ts";
import type { RecordDraft } from "./record-draft.ts";

/** RFC 7396, section 2. */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result = Object.create(null) as { [key: string]: Json };
  if (isJsonObject(target))
    for (const key of Object.keys(target)) result[key] = target[key] as Json;
  for (const key of Object.keys(patch)) {
    const value = patch[key] as Json;
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

/** Writes into `draft` what turns `target` at `pointer` into the patched object, and no more. */
export function draftMergePatch(
  draft: RecordDraft,
  pointer: string,
  target: JsonObject,
  patch: JsonObject,
): void {
  for (const key of Object.keys(patch).toSorted()) {
    const path = childPointer(pointer, key);
    const value = patch[key] as Json;
    const before = Object.hasOwn(target, key) ? target[key] : undefined;
    if (value === null) {
      if (before !== undefined) draft.remove(path);
    } else if (isJsonObject(value) && isJsonObject(before)) {
      draftMergePatch(draft, path, before, value);
      const wasEmpty = Object.keys(before).length === 0;
      if (!wasEmpty && isEmpty(applyMergePatch(before, value))) draft.setLeaf(path, {});
    } else {
      draftValue(draft, path, before, applyMergePatch(undefined, value));
    }
  }
}

function draftValue(draft: RecordDraft, path: string, before: Json | undefined, after: Json): void {
  if (isSameJson(before, after)) return;
  if (isJsonObject(after) && before !== undefined) draft.remove(path);
  for (const leaf of leavesOf(path, after)) draft.setLeaf(leaf.pointer, leaf.value);
}

function isEmpty(value: Json): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0;
}
