/**
 * Programs of Debian for tests: downloaded and unpacked into the cache folder once, and run from there. Nothing is installed into the
 * system, and nothing of it is needed to use Pulsemesh.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";

const downloadMsMost = 120_000;

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
    try {
      renameSync(unpacked, folder);
    } catch (error) {
      // Another test may have been faster.
      if (!existsSync(folder)) throw error;
    }
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return folder;
}

/** By the package lists of this machine; where it has none, or old ones, by lists of our own that are gone afterwards. */
function download(names: readonly string[], into: string): void {
  try {
    aptGet(["download", ...names], into);
  } catch {
    const lists = mkdtempSync(join(into, "lists-"));
    const own = ["-o", `Dir::State::lists=${lists}`, "-o", `Dir::Cache=${lists}`];
    try {
      aptGet([...own, "update"], into);
      aptGet([...own, "download", ...names], into);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(
        `This test runs Debian 12's ${names[0]}, and apt-get cannot download it here:\n${why}`,
        { cause: error },
      );
    }
  }
}

function aptGet(args: readonly string[], cwd: string): void {
  // A mirror that does not answer is given up within seconds, as a test has no use for patience.
  const options = ["APT::Sandbox::User=root", "Acquire::Retries=1", "Acquire::http::Timeout=10"];
  const all = [...options.flatMap((option) => ["-o", option]), ...args];
  execFileSync("apt-get", all, {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: downloadMsMost,
  });
}
