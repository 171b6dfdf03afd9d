/**
 * Rule 36: decisions are numbered, each once, so that "ADR 0004" means one page; and the first of them names every dependency there is, and
 * no other (rule 7).
 */
import type { RepoFile } from "./repository.ts";

const decisionPath = /^docs\/adr\/(\d{4})-[a-z\d-]+\.md$/;
const dependenciesPath = "docs/adr/0001-record-of-decisions.md";
const ownScope = "@pulsemesh/";

export function decisionProblems(files: readonly RepoFile[]): string[] {
  const byNumber = Map.groupBy(
    files.filter(({ path }) => decisionPath.test(path)),
    ({ path }) => decisionPath.exec(path)?.[1] ?? "",
  );
  return [
    ...[...byNumber].flatMap(([number, pages]) => [
      ...(pages.length === 1
        ? []
        : [`docs/adr: ${pages.map(({ path }) => path).join(" and ")} share the number ${number}.`]),
      ...pages
        .filter(({ text }) => Number(/^# (\d+)\b/.exec(text)?.[1]) !== Number(number))
        .map(({ path }) => `${path}: the title must begin with "# ${number}".`),
    ]),
    ...files
      .filter(({ path }) => !path.startsWith("test/tidy/"))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/\bADR (\d{4})\b/g)]
          .filter(([, number]) => !byNumber.has(number ?? ""))
          .map(([found]) => `${path}: there is no ${found}.`),
      ),
  ];
}

export function dependencyProblems(files: readonly RepoFile[]): string[] {
  const recorded = new Set(
    (files.find(({ path }) => path === dependenciesPath)?.text ?? "")
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .flatMap((line) => line.split("|")[1]?.match(/(?<=`)[^`\s]+(?=`)/g) ?? []),
  );
  const declared = new Set(
    files
      .filter(({ path }) => /^(?:packages\/[^/]+\/)?package\.json$/.test(path))
      .flatMap(({ text }) => dependenciesIn(text))
      .filter((name) => !name.startsWith(ownScope)),
  );
  return [
    ...[...declared]
      .filter((name) => !recorded.has(name))
      .map((name) => `${dependenciesPath}: a line for '${name}' is missing; say why it is needed.`),
    ...[...recorded]
      .filter((name) => !declared.has(name))
      .map((name) => `${dependenciesPath}: no package.json has '${name}'; remove its line.`),
  ];
}

function dependenciesIn(text: string): string[] {
  const declared = JSON.parse(text) as Readonly<Record<string, Readonly<Record<string, string>>>>;
  return ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
    Object.keys(declared[kind] ?? {}),
  );
}
