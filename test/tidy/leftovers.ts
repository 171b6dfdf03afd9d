/** Things that must not stay behind: notes to oneself, focused tests, folders that only one machine has. */
import type { RepoFile } from "./repository.ts";

// Put together from parts, so that these lines do not find themselves.
const note = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);

/** Absolute paths below somebody's home or working folder. In the middle of a URL or of a relative path these words are folders like others. */
const personalPath =
  /(?<![\w.*)}\]-])(?:\/(?:home|Users)\/(?<user>[\w.-]+)|\/(?:root|work|workspaces?)\/[\w.-]+|[A-Z]:\\+Users\\+[\w.-]+)/g;
/** Who a path in an example or a test belongs to when it is nobody's. */
const nobody = new Set(["me", "you"]);

export function leftoverProblems(files: readonly RepoFile[]): string[] {
  return files.flatMap(({ path, text }) => [
    ...(path === "package-lock.json" ? [] : noteProblems(path, text)),
    ...[...text.matchAll(personalPath)]
      .filter(({ groups }) => !nobody.has(groups?.["user"] ?? ""))
      .map(
        ([found]) => `${path}: '${found}' is a folder of one machine; a reader has no such thing.`,
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
