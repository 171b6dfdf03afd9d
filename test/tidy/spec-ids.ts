/** Rule 35: every rule of docs/SPEC.md is quoted by a test title, and every id that a title quotes is in docs/SPEC.md. */
import type { RepoFile } from "./repository.ts";
import { titlesOf } from "./titles.ts";

const specPath = "docs/SPEC.md";
const leadingIds =
  /^(?:P|[A-Z]{2,3})\d+[a-z]?(?:(?:, ?| and |\/| )(?:P|[A-Z]{2,3})\d+[a-z]?)*(?=$|[\s:,.])/;

/** The ids that a title begins with: `PU4 …`, `PU4: …`, `PU4, VE3: …`, `PU4 and VE3 …`. */
export function idsOfTitle(title: string): string[] {
  return leadingIds.exec(title)?.[0].match(/(?:P|[A-Z]{2,3})\d+[a-z]?/g) ?? [];
}

/** The ids that a specification defines: `- **PU4** …`, bold at the start of a list item. */
export function idsOfSpec(text: string): string[] {
  return [...text.matchAll(/^\s*[-*]\s+\*\*((?:P|[A-Z]{2,3})\d+[a-z]?)\*\*/gm)].map(
    (match) => match[1] ?? "",
  );
}

export function specIdProblems(files: readonly RepoFile[]): string[] {
  const spec = files.find(({ path }) => path === specPath);
  if (spec === undefined) {
    return [`${specPath} does not exist: write the rules there, each as "- **PU4** …".`];
  }
  const ids = idsOfSpec(spec.text);
  if (ids.length === 0) return [`${specPath} defines no rule: write each as "- **PU4** …".`];
  const known = new Set(ids);
  const quoted = titlesOf(files).flatMap(({ path, title }) =>
    idsOfTitle(title).map((id) => ({ id, path, title })),
  );
  const quotedIds = new Set(quoted.map(({ id }) => id));
  return [
    ...ids
      .filter((id, i) => ids.indexOf(id) !== i)
      .map((id) => `${specPath}: ${id} is defined twice; ids are never re-used.`),
    ...[...known]
      .filter((id) => !quotedIds.has(id))
      .map((id) => `${specPath}: no test title starts with ${id}; write test("${id} …").`),
    ...quoted
      .filter(({ id }) => !known.has(id))
      .map(
        ({ id, path, title }) =>
          `${path}: "${title}" quotes ${id}, which ${specPath} does not define.`,
      ),
  ];
}
