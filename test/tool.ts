/**
 * Finds and runs the command line tools of node_modules on the very Node that runs this script, so that neither PATH nor the
 * machine's own Node decides what is checked.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "..");

/** The script behind `npx <command>`, read from the package's own `bin`. */
export function toolPath(packageName: string, command: string = packageName): string {
  const folder = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    bin?: string | Record<string, string>;
  };
  const path = typeof bin === "string" ? bin : bin?.[command];
  if (path === undefined) {
    throw new Error(
      `Cannot run '${command}' as package '${packageName}' has no such bin. Run 'npm ci' first.`,
    );
  }
  return join(folder, path);
}

/** Runs a script to its end and returns what it printed. */
export function runScript(
  script: string,
  args: readonly string[],
  cwd: string = root,
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [script, ...args], {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}
