/** The version of this package, read from its package.json so that it is written down once. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Walks up from this file: `src` and a bundled `dist` are at different depths. */
function packageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  return folder;
}

/** The plain-JS script that starts this program, for child processes. */
export function launcherPath(): string {
  return join(packageFolder(), "bin", "pulsemesh.js");
}

/** Such as `0.1.0`. */
export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), "package.json"), "utf8");
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
