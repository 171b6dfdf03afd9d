/**
 * Example robot: the verifier of a disaster-recovery copy. It compares the manifests of a primary and a replica and reads every
 * replica file again: a replica that lags behind or lacks files is `degraded`, one whose bytes are wrong is `failing`.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "./mesh-reporter.ts";
import { walkFolder } from "./walk-folder.ts";

/** `manifest.json` of a copy. */
interface Manifest {
  /** RFC 3339: when the data was as the hashes say. */
  readonly written_at: string;
  /** SHA-256 in hex by path. */
  readonly files: Readonly<Record<string, string>>;
}

const manifestName = "manifest.json";
/** A replica may be this much behind. */
const lagAllowedMs = 10_000;
const secondMs = 1_000;

/** One round of the robot. */
export async function replicaFreshnessRound(primary: string, replica: string): Promise<Report> {
  const source = await readManifest(primary);
  const copy = await readManifest(replica);
  if (source === undefined || copy === undefined) {
    const missing = source === undefined ? "primary" : "replica";
    const state = { status: "no-manifest", lag_seconds: null, differing: [], corrupt: [] };
    return { health: "failing", summary: `the ${missing} has no readable ${manifestName}`, state };
  }
  const lagMs = Math.max(0, Date.parse(source.written_at) - Date.parse(copy.written_at));
  const differing = Object.keys(source.files).filter(
    (name) => source.files[name] !== copy.files[name],
  );
  const corrupt = await corruptFiles(replica, copy);
  const stale = lagMs > lagAllowedMs || (differing.length > 0 && lagMs === 0);
  const state = {
    status: corrupt.length > 0 ? "corrupt" : stale ? "stale" : "fresh",
    lag_seconds: Math.round(lagMs / secondMs),
    differing,
    corrupt,
  };
  if (corrupt.length > 0) {
    return { health: "failing", summary: `the bytes of ${corrupt.join(", ")} are wrong`, state };
  }
  return stale
    ? { health: "degraded", summary: `the replica is ${state.lag_seconds}s behind`, state }
    : { health: "ok", summary: "the replica is fresh", state };
}

/** Writes the manifest of a folder as it is now. `writtenAtMs` is wall time. */
export async function writeManifest(folder: string, writtenAtMs: number): Promise<void> {
  const { entries } = await walkFolder(folder);
  const files: Record<string, string> = {};
  for (const { path, absolute, kind } of entries) {
    if (kind === "file" && path !== manifestName) files[path] = await hashFile(absolute);
  }
  const manifest: Manifest = { written_at: new Date(writtenAtMs).toISOString(), files };
  await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, manifestName), "utf8")) as Manifest;
    const whole =
      typeof manifest.files === "object" && !Number.isNaN(Date.parse(manifest.written_at));
    return whole ? manifest : undefined;
  } catch {
    return undefined;
  }
}

async function corruptFiles(folder: string, manifest: Manifest): Promise<string[]> {
  const corrupt: string[] = [];
  for (const [name, hash] of Object.entries(manifest.files)) {
    const actual = await hashFile(join(folder, name)).catch(() => "missing");
    if (actual !== hash) corrupt.push(name);
  }
  return corrupt;
}

async function hashFile(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
