/** Things that must not stay behind: notes to oneself, focused tests, names from the machine where the work was done. */
import type { RepoFile } from "./repository.ts";

// Put together from parts, so that these lines do not find themselves.
const note = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
const workplaces = ["/work/" + "shared", "farm" + "-", "." + "library"];

export function leftoverProblems(files: readonly RepoFile[]): string[] {
  return files.flatMap(({ path, text }) => [
    ...(path === "package-lock.json" ? [] : noteProblems(path, text)),
    ...workplaces
      .filter((name) => text.includes(name) || path.includes(name))
      .map(
        (name) => `${path}: names the workplace '${name}'; a reader elsewhere has no such thing.`,
      ),
  ]);
}

function noteProblems(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, i) => {
    const where = `${path}:${i + 1}`;
    const found = note.exec(line)?.[0];
    const focused = /\b(?:test|it|describe)\.only\b/.test(line) && path.endsWith(".ts");
    return [
      ...(found === undefined ? [] : [`${where}: '${found}' belongs in an issue, or is done now.`]),
      ...(focused ? [`${where}: a focused test silences all others.`] : []),
    ];
  });
}
