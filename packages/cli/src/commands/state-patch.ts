/** What people type behind `state set`, as a merge patch (RFC 7396). */
import { type Json, type JsonObject, PulsemeshError, isJsonObject } from "@pulsemesh/core";

/**
 * Reads one JSON object, or `KEY=VALUE` pairs. A key that starts with `/` is a JSON pointer into nested objects.
 * @throws PulsemeshError `state-invalid`
 */
export function readPatch(fields: readonly string[]): JsonObject {
  const [only = ""] = fields;
  if (fields.length === 1 && !/^[^{["\s]+=/.test(only)) return readObject(only);
  const seen = new Set<string>();
  return fields.reduce<JsonObject>((patch, field) => {
    const at = field.indexOf("=");
    if (at <= 0) {
      throw new PulsemeshError("state-invalid", `Cannot read '${field}' as it must be KEY=VALUE.`);
    }
    const key = field.slice(0, at);
    if (seen.has(key)) {
      throw new PulsemeshError("state-invalid", `Cannot set '${key}' twice.`);
    }
    seen.add(key);
    return setAt(patch, pathOf(key), readValue(field.slice(at + 1)));
  }, {});
}

function readObject(text: string): JsonObject {
  if (/^\s*[A-Za-z_/]/.test(text)) {
    throw new PulsemeshError(
      "state-invalid",
      `Cannot read '${text.trim()}' as it must be KEY=VALUE or a JSON object.`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PulsemeshError("state-invalid", `Cannot read the state as JSON: ${why}.`);
  }
  if (isJsonObject(value)) return value;
  throw new PulsemeshError(
    "state-invalid",
    "Cannot use this as state as it must be a JSON object.",
  );
}

/** JSON where it is JSON, otherwise the text itself, so that `status=scanning` needs no quotes. */
function readValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** RFC 6901: `~1` is a slash, `~0` a tilde. */
function pathOf(key: string): string[] {
  if (!key.startsWith("/")) return [key];
  return key
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function setAt(object: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [key = "", ...rest] = path;
  const inner = Object.hasOwn(object, key) ? object[key] : undefined;
  const next = rest.length === 0 ? value : setAt(isJsonObject(inner) ? inner : {}, rest, value);
  // Through entries, as a plain assignment to `__proto__` would set no key.
  return Object.fromEntries([
    ...Object.entries(object).filter(([each]) => each !== key),
    [key, next],
  ]);
}
