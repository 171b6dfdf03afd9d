/**
 * Every package that a source names is in its own package.json: npm's hoisting hides a missing one until somebody else's
 * dependency goes away, and knip does not see it between workspaces.
 */
import { isSource, isTest, type RepoFile, withoutComments } from "./repository.ts";

interface Declared {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>> | undefined;
  readonly devDependencies?: Readonly<Record<string, string>> | undefined;
}

/** Tests may use what the root offers to all, and testkit, which exists for them. */
const forTests = "@pulsemesh/testkit";

export function importProblems(files: readonly RepoFile[]): string[] {
  const manifests = new Map(
    files
      .filter(({ path }) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
      .map(({ path, text }) => [path, JSON.parse(text) as Declared]),
  );
  const shared = namesOf(manifests.get("package.json"));
  return files
    .filter(({ path }) => isSource(path) || (isTest(path) && path.startsWith("packages/")))
    .flatMap(({ path, text }) => {
      const manifestPath = `${path.split("/").slice(0, 2).join("/")}/package.json`;
      const manifest = manifests.get(manifestPath);
      const own = new Set([manifest?.name, ...namesOf(manifest)]);
      const allowed = isTest(path) ? new Set([...own, ...shared, forTests]) : own;
      return importedPackages(text)
        .filter((name) => !allowed.has(name))
        .map((name) => `${path}: imports ${name}, which ${manifestPath} does not declare.`);
    });
}

export function importedPackages(text: string): string[] {
  const found = withoutComments(text).matchAll(
    /^(?:import|export)\b[^"';=]*\bfrom\s+["']([^"']+)["']|^import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm,
  );
  const names = [...found]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    .filter((name) => !/^(\.|node:)/.test(name))
    .map((name) =>
      name
        .split("/")
        .slice(0, name.startsWith("@") ? 2 : 1)
        .join("/"),
    );
  return [...new Set(names)];
}

function namesOf(manifest: Declared | undefined): string[] {
  return [
    ...Object.keys(manifest?.dependencies ?? {}),
    ...Object.keys(manifest?.devDependencies ?? {}),
  ];
}
