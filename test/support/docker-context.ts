/** The files that `.dockerignore` leaves of this repository, as an engine would get them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";

/** Files of the repository below `folder` that go into the build, relative to its root. New ones that are not ignored by git are among them. */
export function contextFiles(folder: string): readonly string[] {
  const rules = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  const listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder];
  return execFileSync("git", listed, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .filter((path) => isSent(path, rules));
}

/** The last rule that matches decides; a rule for a folder holds for all that is in it. */
export function isSent(path: string, rules: readonly string[]): boolean {
  let sent = true;
  for (const rule of rules.filter((line) => !/^\s*(#|$)/.test(line))) {
    const isException = rule.startsWith("!");
    if (patternOf(isException ? rule.slice(1) : rule).test(path)) sent = isException;
  }
  return sent;
}

function patternOf(rule: string): RegExp {
  const source = rule
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("**/", "(?:.*/)?")
    .replaceAll(/(?<![.)])\*/g, "[^/]*");
  return new RegExp(`^${source}(?:/|$)`);
}
