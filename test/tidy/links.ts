/** Relative links in Markdown lead somewhere. */
import { posix } from "node:path";
import type { RepoFile } from "./repository.ts";

export function linkProblems(files: readonly RepoFile[]): string[] {
  const paths = new Set(files.flatMap(({ path }) => withFolders(path)));
  return files
    .filter(({ path }) => path.endsWith(".md"))
    .flatMap(({ path, text }) =>
      linksIn(text)
        .filter((link) => !paths.has(resolve(path, link)))
        .map((link) => `${path}: the link ${link} leads nowhere.`),
    );
}

/** Links and images inline and by reference, without those to the web, to mail and within the page. */
function linksIn(markdown: string): string[] {
  const prose = markdown.replaceAll(/^ *(```|~~~)[\s\S]*?^ *\1/gm, "").replaceAll(/`[^`\n]*`/g, "");
  const found = prose.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm);
  return [...found]
    .map((match) => (match[1] ?? match[2] ?? "").replace(/#.*$/, ""))
    .filter((link) => link !== "" && !/^[a-z][a-z0-9+.-]*:/i.test(link));
}

function resolve(from: string, link: string): string {
  const joined = link.startsWith("/")
    ? link.slice(1)
    : posix.join(posix.dirname(from), decodeURI(link));
  return posix.normalize(joined).replace(/\/$/, "");
}

function withFolders(path: string): string[] {
  const parts = path.split("/");
  return [".", ...parts.map((_, i) => parts.slice(0, i + 1).join("/"))];
}
