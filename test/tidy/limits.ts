/** Rule 14: every limit has a name that ends in `Max`, and a test whose title names it and that hits it. */
import { isSource, type RepoFile, withoutComments } from "./repository.ts";
import { titlesOf } from "./titles.ts";

export interface Limit {
  readonly path: string;
  readonly name: string;
}

/** Packages that only tests run: what they cap keeps a broken test from running for ever, and bounds nothing that users have. */
const testEquipment = /^packages\/(?:sim|testkit)\//;

/** Module-level constants, and entries with a number in an object (a table of limits, a preset). */
export function limitsOf(files: readonly RepoFile[]): Limit[] {
  const declared =
    /^(?:export )?const (\w+(?:Max|_MAX))\b|^\s+(\w+(?:Max|_MAX)): -?[\d.][\d_.]*\b/gm;
  return files
    .filter(({ path }) => isSource(path) && !testEquipment.test(path))
    .flatMap(({ path, text }) =>
      [...withoutComments(text).matchAll(declared)].map((match) => ({
        path,
        name: match[1] ?? match[2] ?? "",
      })),
    );
}

export function limitProblems(files: readonly RepoFile[]): string[] {
  const words = new Set(titlesOf(files).flatMap(({ title }) => title.match(/\w+/g) ?? []));
  const seen = new Set<string>();
  return limitsOf(files)
    .filter(({ name }) => !words.has(name) && !seen.has(name) && seen.add(name))
    .map(
      ({ path, name }) =>
        `${path}: no test title names the limit ${name}; write a test that hits it.`,
    );
}
