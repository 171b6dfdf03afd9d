/** SECURITY.md names the test that shows each claim, as ``- `file` › title`` or in the last cell of a table's row: the file and a test of that title are there. */
import type { RepoFile } from "./repository.ts";
import { titlesIn } from "./titles.ts";

const SECURITY_PATH = "SECURITY.md";

const PROOF = /^(?:-|\|.*\|) `([^`]+)` › (.+?)(?: \|)?$/gm;

export function securityClaimProblems(files: readonly RepoFile[]): string[] {
  const page = files.find(({ path }) => path === SECURITY_PATH)?.text ?? "";
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const titles = new Map<string, ReadonlySet<string>>();
  const proofs = [...page.matchAll(PROOF)];
  if (proofs.length === 0) return [`${SECURITY_PATH} names no test.`];
  return proofs.flatMap(([, path = "", title = ""]) => {
    const text = texts.get(path);
    if (text === undefined) return [`${SECURITY_PATH}: ${path} does not exist.`];
    const known = titles.get(path) ?? new Set(titlesIn(text));
    titles.set(path, known);
    return known.has(title) ? [] : [`${SECURITY_PATH}: ${path} has no test "${title}".`];
  });
}
