/**
 * Programs of Debian for tests: downloaded and unpacked into the cache folder once, and run from there. Nothing is installed into the
 * system, and nothing of it is needed to use Pulsemesh.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";

/** Unpacks these packages (without what they depend on) into one folder, and returns it. */
export function unpackDebianPackages(names: readonly string[]): string {
  const cache = join(root, ".cache", "debian");
  const key = createHash("sha256").update(names.join()).digest("hex").slice(0, 12);
  const folder = join(cache, `${names[0] ?? ""}-${key}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const aside = mkdtempSync(join(cache, "part-"));
  try {
    download(names, aside);
    const unpacked = join(aside, "root");
    for (const file of readdirSync(aside).filter((each) => each.endsWith(".deb"))) {
      execFileSync("dpkg", ["-x", join(aside, file), unpacked]);
    }
    // Another test may have been faster.
    if (!existsSync(folder)) renameSync(unpacked, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return folder;
}

function download(names: readonly string[], into: string): void {
  try {
    execFileSync("apt-get", ["-o", "APT::Sandbox::User=root", "download", ...names], {
      cwd: into,
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `This test runs Debian's ${names[0]}. Run it on Debian or Ubuntu, after: apt-get update\n${why}`,
      { cause: error },
    );
  }
}
