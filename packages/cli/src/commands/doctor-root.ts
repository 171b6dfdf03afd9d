/** The check of `doctor` that says that the keys of a fleet's root are still where a node runs (rules ME6, CLI43). */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "./doctor-finding.ts";

/** Where `run` leaves them, and where an open fleet of an earlier release had its own. */
const places = ["root", "."];
const statements = "root-statements.json";
const keys = ["fleet-root.key", "fleet-root-next.key"];

/** A finding for each folder of a node's data that holds them. */
export async function rootFindings(folder: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const place of places.map((name) => join(folder, name))) {
    const held = await Promise.all(keys.map((name) => isThere(join(place, name))));
    if (!held.includes(true)) continue;
    findings.push(findingOf(place, folder, await isThere(join(place, statements))));
  }
  return findings;
}

/** Without statements it is the key of an open fleet, which `init` moves when it closes it. */
function findingOf(place: string, folder: string, hasAuthority: boolean): Finding {
  return {
    check: "root",
    result: "warn",
    detail: `the keys of the fleet's root are in ${place}: whoever copies them has the fleet, and no node needs them`,
    next: hasAuthority
      ? `pulsemesh key move-root DIR --data ${folder} --passphrase-file FILE   moves them to where no node reaches, and seals them`
      : `stop the node; pulsemesh init --data ${folder} --root DIR --passphrase-file FILE   closes the fleet, and moves them`,
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
