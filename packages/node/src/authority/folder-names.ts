/** Folders by what they are, not by what they are called: a link, another spelling or a second mount leads to the same one. */
import { existsSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The one name of a path, also where its end is not there yet. */
export function trueName(path: string): string {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(basename(at));
  return join(realpathSync(at), ...missing);
}

/** The path itself and every folder around it, from the inside out. */
export function* upwards(path: string): Generator<string> {
  for (let at = path; ; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

/** Undefined where nothing is. */
export function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** Whether two are one and the same folder. */
export function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
