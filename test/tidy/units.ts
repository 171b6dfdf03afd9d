/** Rule 21: a duration says its unit in its name (`dialTimeoutMs`), and long numbers are grouped (`15_000`). */
import { type RepoFile, withoutComments } from "./repository.ts";

const unitless =
  /(?:\b(?:const|let|readonly|static)\s+|#)(\w*(?:timeout|interval|delay|duration|backoff|grace))\b[^=\n;]*=\s*\d/gi;
const ungrouped = /(?<![\w.#-])\d{5,}(?![\w.-])/g;

export function unitProblems(files: readonly RepoFile[]): string[] {
  return files
    .filter(({ path }) => path.endsWith(".ts") && !path.startsWith("test/tidy/"))
    .flatMap(({ path, text }) => {
      const code = withoutStrings(withoutComments(text));
      return [
        ...[...code.matchAll(unitless)].map(
          (match) => `${path}: '${match[1]}' has no unit; call it '${match[1]}Ms'.`,
        ),
        ...[...code.matchAll(ungrouped)].map(
          (match) =>
            `${path}: write ${match[0]} as ${Number(match[0]).toLocaleString("en").replaceAll(",", "_")}.`,
        ),
      ];
    });
}

function withoutStrings(code: string): string {
  return code.replaceAll(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, '""');
}
