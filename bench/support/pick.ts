/** Reads results of benches, which are JSON of many shapes: by path, as text, and `–` where there is nothing. */

/** The value at a path such as `mesh.most.answersPerSecond`. */
export function pick(tree: unknown, path: string): unknown {
  let value: unknown = tree;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

export function text(tree: unknown, path: string): string {
  const value = pick(tree, path);
  if (typeof value === "string" || typeof value === "boolean") return String(value);
  return typeof value === "number" ? value.toLocaleString("en") : "–";
}

/** Undefined where there is no number. */
export function number(tree: unknown, path: string): number | undefined {
  const value = pick(tree, path);
  return typeof value === "number" ? value : undefined;
}

/** Items of the list at a path. */
export function list(tree: unknown, path: string): readonly unknown[] {
  const value = pick(tree, path);
  return Array.isArray(value) ? value : [];
}
