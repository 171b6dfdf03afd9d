/** The check of `doctor` that says that the keys of a fleet's root are still where a node runs (rules ME6, CLI43). */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "./doctor-finding.ts";

/** Where `run` leaves them, and where an open fleet of an earlier release had its own. */
const places = ["root", "."];
const keys = ["fleet-root.key", "fleet-root-next.key"];

/** A finding for each folder of a node's data that holds them. */
export async function rootFindings(folder: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const place of places.map((name) => join(folder, name))) {
    const held = await Promise.all(keys.map((name) => isThere(join(place, name))));
    if (held.includes(true)) findings.push(findingOf(place));
  }
  return findings;
}

function findingOf(place: string): Finding {
  return {
    check: "root",
    result: "warn",
    detail: `the keys of the fleet's root are in ${place}: whoever copies them has the fleet, and no node needs them`,
    next: "move them to where no node reaches, and a copy elsewhere: `key rotate` and `key void` take their folder with --root",
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
