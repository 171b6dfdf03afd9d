/** Rule 20: `extends` only for errors and the event target, `#private` fields instead of the TypeScript modifiers. */
import { isSource, type RepoFile, withoutComments } from "./repository.ts";

const parents = ["Error", "EventTarget", "TypedEventTarget"];

export function classProblems(files: readonly RepoFile[]): string[] {
  return files
    .filter(({ path }) => isSource(path))
    .flatMap(({ path, text }) => {
      const code = withoutComments(text);
      const extended = [...code.matchAll(/\bclass\b(?:\s+\w+)?(?:<[^{]*>)?\s+extends\s+([\w.]+)/g)]
        .map((match) => match[1] ?? "")
        .filter((parent) => !parents.includes(parent));
      const modifiers = [...code.matchAll(/^\s+(private|protected|public)\s+(?=[\w#[])/gm)];
      return [
        ...extended.map(
          (name) => `${path}: extends ${name}; only ${parents.join(", ")} may be extended.`,
        ),
        ...modifiers.map(
          (match) => `${path}: '${match[1]}' is TypeScript only; write #name, or nothing.`,
        ),
      ];
    });
}
