/** Finds test titles in source text, also of contract suites and of `test.each(table)("…")`. */
import { endOfString, readCall } from "./call.ts";
import { isTest, type RepoFile, withoutComments } from "./repository.ts";

export interface Title {
  readonly path: string;
  readonly title: string;
}

/** Tests live in *.test.ts, in testkit's contract suites and in test/; tidy's own hold bad samples and do not count. */
export function titlesOf(files: readonly RepoFile[]): Title[] {
  return files
    .filter(({ path }) => path.endsWith(".ts") && !path.startsWith("test/tidy/"))
    .filter(({ path }) => isTest(path) || /^(packages\/testkit\/src|test)\//.test(path))
    .flatMap(({ path, text }) => titlesIn(text).map((title) => ({ path, title })));
}

/** Titles of `describe`, `test` and `it`, and `title: "…"` in tables of cases. */
export function titlesIn(source: string): string[] {
  const text = withoutComments(source);
  const titles: string[] = [];
  for (const match of text.matchAll(/\b(?:describe|test|it)\b(?=[.(])/g)) {
    const title = titleAfter(text, match.index + match[0].length);
    if (title !== undefined) titles.push(title);
  }
  for (const match of text.matchAll(/\btitle:\s*(?=["'`])/g)) {
    titles.push(stringAt(text, match.index + match[0].length));
  }
  return titles;
}

/** Follows `.each(table)`, `.skipIf(condition)` and the like up to the call whose first argument is a string. */
function titleAfter(text: string, start: number): string | undefined {
  let at = start;
  for (;;) {
    const property = /^\s*\.\w+/.exec(text.slice(at, at + 80));
    if (property !== null) at += property[0].length;
    else if (text.charAt(at) !== "(") return undefined;
    else {
      const quote = /^\(\s*(?=["'`])/.exec(text.slice(at, at + 80));
      if (quote !== null) return stringAt(text, at + quote[0].length);
      const call = readCall(text, at);
      if (call === undefined) return undefined;
      at = call.end;
    }
  }
}

function stringAt(text: string, start: number): string {
  return text.slice(start + 1, endOfString(text, start));
}
