/**
 * Rule 14: every limit has a name that ends in `Max`, and a test whose title names it and that hits it. One name has one value wherever it
 * is declared, so that a reader, a test title or a table that names a limit cannot mean another one.
 */
import { isSource, type RepoFile, withoutComments } from "./repository.ts";
import { titlesOf } from "./titles.ts";

export interface Limit {
  readonly path: string;
  readonly name: string;
}

export interface Constant extends Limit {
  /** As written, without blanks and digit grouping. */
  readonly text: string;
}

/** Packages that only tests run: what they cap keeps a broken test from running for ever, and bounds nothing that users have. */
const testEquipment = /^packages\/(?:sim|testkit)\//;

/** Module-level constants, and entries with a number in an object (a table of limits, a preset). */
export function limitsOf(files: readonly RepoFile[]): Limit[] {
  const declared =
    /^(?:export )?const (\w+(?:Max|_MAX))\b|^\s+(\w+(?:Max|_MAX)): -?[\d.][\d_.]*\b/gm;
  return productFiles(files).flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(declared)].map((match) => ({
      path,
      name: match[1] ?? match[2] ?? "",
    })),
  );
}

/** Module-level constants in capitals, limits or not. */
export function constantsOf(files: readonly RepoFile[]): Constant[] {
  const declared = /^(?:export )?const ([A-Z][A-Z\d_]+)(?:: [\w ]+)? =\s*([^;]+);/gm;
  return productFiles(files).flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(declared)].map(([, name = "", value = ""]) => ({
      path,
      name,
      text: value.replaceAll(/\s|(?<=\d)_(?=\d)/g, ""),
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

export function limitTwinProblems(files: readonly RepoFile[]): string[] {
  const first = new Map<string, Constant>();
  return constantsOf(files)
    .filter(({ name }) => name.includes("_MAX"))
    .flatMap((limit) => {
      const twin = first.get(limit.name);
      if (twin === undefined) first.set(limit.name, limit);
      return twin === undefined || twin.text === limit.text
        ? []
        : [
            `${limit.path}: ${limit.name} is ${limit.text}, but ${twin.text} in ${twin.path}; rename one of them.`,
          ];
    });
}

function productFiles(files: readonly RepoFile[]): readonly RepoFile[] {
  return files.filter(({ path }) => isSource(path) && !testEquipment.test(path));
}
