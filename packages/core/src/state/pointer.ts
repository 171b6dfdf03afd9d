/** JSON pointers (RFC 6901) as names of fields (rule CH4): `/state/disk/free`, `/health`, `/labels/role`. */
import { isJsonObject, type Json } from "../json.ts";

/** Longest pointer that is read, in characters; longer ones make a record malformed. */
export const POINTER_LENGTH_MAX: number = 16 * 1024;
/** Deepest pointer: `/state` and 32 levels of state below it. */
export const POINTER_DEPTH_MAX: number = 33;

function escapeKey(key: string): string {
  return key.includes("~") || key.includes("/")
    ? key.replaceAll("~", "~0").replaceAll("/", "~1")
    : key;
}

/** The pointer of a child. */
export function childPointer(parent: string, key: string): string {
  return `${parent}/${escapeKey(key)}`;
}

/** The keys of a pointer, unescaped; the caller has checked it with {@link isPointer}. */
export function pointerKeys(pointer: string): readonly string[] {
  const keys = pointer.slice(1).split("/");
  if (!pointer.includes("~")) return keys;
  return keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Whether a foreign text names a field: starts with `/`, neither too long nor too deep, escapes well-formed. */
export function isPointer(text: string): boolean {
  if (!text.startsWith("/") || text.length > POINTER_LENGTH_MAX) return false;
  if (/~(?![01])/.test(text)) return false;
  return text.split("/").length - 1 <= POINTER_DEPTH_MAX;
}

/** Strict ancestors, nearest first: `/a/b/c` → `/a/b`, `/a`. */
export function ancestors(pointer: string): readonly string[] {
  const result: string[] = [];
  for (let end = pointer.lastIndexOf("/"); end > 0; end = pointer.lastIndexOf("/", end - 1)) {
    result.push(pointer.slice(0, end));
  }
  return result;
}

/** A leaf of a record: a scalar, an array or an empty object. */
export interface Leaf {
  readonly pointer: string;
  readonly value: Json;
}

/** The leaves of a value below `pointer`; nulls inside objects are kept. The caller has bounded the depth. */
export function leavesOf(pointer: string, value: Json): readonly Leaf[] {
  const leaves: Leaf[] = [];
  collect(pointer, value, leaves);
  return leaves;
}

function collect(pointer: string, value: Json, into: Leaf[]): void {
  if (!isJsonObject(value)) {
    into.push({ pointer, value });
    return;
  }
  const keys = Object.keys(value);
  if (keys.length === 0) into.push({ pointer, value: {} });
  for (const key of keys) collect(childPointer(pointer, key), value[key] as Json, into);
}
