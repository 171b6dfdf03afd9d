/** Rule 37: unit tests never wait for real time. */
import { readCall } from "./call.ts";
import { type RepoFile, withoutComments } from "./repository.ts";

const advice = "unit tests never wait: advance the clock by hand, or await what you wait for.";

export function sleepProblems(files: readonly RepoFile[]): string[] {
  return files
    .filter(({ path }) => /^packages\/[^/]+\/src\/.*\.test\.ts$/.test(path))
    .flatMap(({ path, text }) => {
      const code = withoutComments(text);
      const waits = [...code.matchAll(/\b(setTimeout|setInterval)\(/g)].filter((match) => {
        const args = readCall(code, match.index + match[0].length - 1)?.args ?? [];
        return match[1] === "setInterval" || !["0", undefined].includes(args[1]);
      });
      const imports = /["'](node:)?timers\/promises["']/.test(code);
      return [
        ...waits.map((match) => `${path}: ${match[1]}: ${advice}`),
        ...(imports ? [`${path}: imports timers/promises: ${advice}`] : []),
      ];
    });
}
