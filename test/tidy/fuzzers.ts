/** All fuzzers are chosen by one word in their titles and made longer by one variable, so that one command in CONTRIBUTING.md reaches each. */
import type { RepoFile } from "./repository.ts";
import { titlesIn } from "./titles.ts";

const variable = /\bPULSEMESH_FUZZ(?:_\w+)?\b/g;
const variables = new Set(["PULSEMESH_FUZZ_RUNS", "PULSEMESH_FUZZ_SEED"]);

export function fuzzerProblems(files: readonly RepoFile[]): string[] {
  return files
    .filter(({ path }) => !path.startsWith("test/tidy/"))
    .flatMap(({ path, text }) => {
      const others = [...text.matchAll(variable)]
        .map(([name]) => name)
        .filter((name) => !variables.has(name));
      const fuzzes = path.endsWith(".test.ts") && /\bfuzz\(|\bPULSEMESH_FUZZ/.test(text);
      const isNamed = titlesIn(text).some((title) => title.includes("fuzz: "));
      return [
        ...others.map((name) => `${path}: ${name} is PULSEMESH_FUZZ_RUNS everywhere else.`),
        ...(fuzzes && !isNamed
          ? [`${path}: the title of a fuzzer holds "fuzz: ", by which all of them are run.`]
          : []),
      ];
    });
}
