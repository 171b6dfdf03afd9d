/** What an entry of a package may hold: `index.ts` only re-exports, and core's driver ports are declarations only. */
import { type RepoFile, withoutComments } from "./repository.ts";

const reExport = /export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]+";/g;

export function entryProblems(files: readonly RepoFile[]): string[] {
  return [...indexProblems(files), ...driverProblems(files)];
}

function indexProblems(files: readonly RepoFile[]): string[] {
  return files
    .filter(({ path }) => /^packages\/[^/]+\/src\/index\.ts$/.test(path))
    .filter(({ text }) => {
      const rest = withoutComments(text).replaceAll(reExport, "").replace("export {};", "");
      return rest.trim() !== "";
    })
    .map(({ path }) => `${path}: an index only re-exports; move the code to a file named for it.`);
}

const plainNumber = /^export const \w+(?:: number)? = [\d_.*+ ()]+;$/gm;

/** Only there may core name a Promise: the driver implements these ports, core never calls them. Limits are welcome. */
function driverProblems(files: readonly RepoFile[]): string[] {
  const code = /^(?:export )?(?:async |abstract )*(?:function|class|let|var|const)\b/m;
  return files
    .filter(
      ({ path }) => path.startsWith("packages/core/src/driver/") && !path.endsWith(".test.ts"),
    )
    .filter(({ text }) => code.test(withoutComments(text).replaceAll(plainNumber, "")))
    .map(
      ({ path }) =>
        `${path}: core/src/driver declares types and limits only; code goes where it may run.`,
    );
}
