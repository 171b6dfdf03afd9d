/** Rules 5 and 36 and T11: entries, README and executable bits of each package. */
import { posix } from "node:path";
import type { RepoFile, TrackedMode } from "./repository.ts";

interface PackageJson {
  readonly exports?: Readonly<Record<string, unknown>> | undefined;
  readonly bin?: string | Readonly<Record<string, string>> | undefined;
}

interface Package {
  readonly folder: string;
  readonly json: PackageJson;
}

export function packageProblems(files: readonly RepoFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path));
  return packagesOf(files).flatMap(({ folder, json }) => {
    const entries = Object.keys(json.exports ?? {});
    return [
      ...(paths.has(`${folder}/README.md`)
        ? []
        : [
            `${folder}/README.md is missing: one page with what, what not, an example, allowed imports.`,
          ]),
      ...(entries.includes(".") && entries.length <= 2
        ? []
        : [`${folder}/package.json: 'exports' has '.' and at most one subpath.`]),
    ];
  });
}

/** `npm ci` sets bins to 755: committed otherwise, a fresh clone would look changed. */
export function modeProblems(files: readonly RepoFile[], modes: readonly TrackedMode[]): string[] {
  const bins = packagesOf(files).flatMap(({ folder, json }) =>
    Object.values(typeof json.bin === "string" ? { bin: json.bin } : (json.bin ?? {})).map((path) =>
      posix.join(folder, path),
    ),
  );
  const executable = new Set([".ci/run", ...bins]);
  return modes.flatMap(({ path, mode }) => {
    const wanted = executable.has(path) || path.endsWith(".sh") ? "100755" : "100644";
    return mode === wanted || mode === "120000"
      ? []
      : [
          `${path} is committed as ${mode} and must be ${wanted}: git update-index --chmod=${wanted === "100755" ? "+x" : "-x"} ${path}`,
        ];
  });
}

function packagesOf(files: readonly RepoFile[]): Package[] {
  return files
    .filter(({ path }) => /^packages\/[^/]+\/package\.json$/.test(path))
    .map(({ path, text }) => ({
      folder: posix.dirname(path),
      json: JSON.parse(text) as PackageJson,
    }));
}
