/** Rule 16: kebab-case files, one concept each; no junk drawers. */
import type { RepoFile } from "./repository.ts";

const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const page = /^[A-Z][A-Z0-9-]*\.md$|^LICENSE$|^Dockerfile$/;
const drawer = /^(utils?|helpers?|misc|common)(\.|$)/;

export function nameProblems(files: readonly RepoFile[]): string[] {
  return files.flatMap(({ path }) =>
    path.split("/").flatMap((part) => {
      if (!kebab.test(part) && !page.test(part)) return [`${path}: '${part}' is not kebab-case.`];
      if (drawer.test(part))
        return [`${path}: '${part}' names no concept; name it for what it holds.`];
      return [];
    }),
  );
}
