/** A throw-away copy of the working tree, whose workspace packages are its own and whose dependencies are the real ones. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TreeCopy {
  readonly dir: string;
  remove(): void;
}

/** Copies every file that git knows or would add; where there is no room for that, nothing is left. */
export function copyTree(root: string): TreeCopy {
  const dir = mkdtempSync(join(tmpdir(), "pulsemesh-mutation-"));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    fill(dir, root);
  } catch (error) {
    remove();
    throw error;
  }
  return { dir, remove };
}

function fill(dir: string, root: string): void {
  for (const path of filesOf(root)) {
    const from = join(root, path);
    // Deleted in the working tree, but still in the index.
    if (!existsSync(from)) continue;
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    copyFileSync(from, join(dir, path));
  }
  linkModules(join(root, "node_modules"), join(dir, "node_modules"));
}

function filesOf(root: string): readonly string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot list the files of ${root}: ${stderr}`);
  return stdout.split("\0").filter((path) => path !== "");
}

/**
 * Links that npm made are links to workspaces (`../packages/core`): copied as they are, they point into the copy. Everything else is
 * linked to, `.bin` left out, since its launchers are the workspaces' too.
 */
function linkModules(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name.startsWith(".")) continue;
    const path = join(from, name);
    if (lstatSync(path).isSymbolicLink()) symlinkSync(readlinkSync(path), join(to, name));
    else if (name.startsWith("@")) linkModules(path, join(to, name));
    else symlinkSync(path, join(to, name));
  }
}
