/** The files that the tidy checks look at: everything tracked, and everything new that is not ignored. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";

export interface RepoFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** A check returns one line for each problem: where, what, and what to do. */
export type Check = (files: readonly RepoFile[]) => string[];

export interface TrackedMode {
  readonly path: string;
  /** `100644`, or `100755` for an executable. */
  readonly mode: string;
}

const textBytesMax = 2_000_000;

function git(...args: string[]): string[] {
  const output = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  return output.split("\0").filter((line) => line !== "");
}

export function repoFiles(): RepoFile[] {
  return git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    .filter((path) => existsSync(join(root, path)))
    .filter((path) => statSync(join(root, path)).size <= textBytesMax)
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
    .filter((file) => !file.text.includes("\0"));
}

export function trackedModes(): TrackedMode[] {
  return git("ls-files", "-z", "--stage").map((line) => {
    const [head = "", path = ""] = line.split("\t");
    return { path, mode: head.slice(0, 6) };
  });
}

/** Tests, benches, and doubles that tests of one package share (`*.test-support.ts`). */
export const isTest = (path: string): boolean => /\.(test|bench|test-support)\.ts$/.test(path);

/** Sources of the product: `packages/<name>/src/**.ts` without anything that only tests import. */
export const isSource = (path: string): boolean =>
  /^packages\/[^/]+\/src\/.+\.ts$/.test(path) && !isTest(path);

/** The text with comments blanked out; good enough for code that oxfmt has formatted. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|[\s;{}(),])\/\/.*$/gm, "$1");
}
