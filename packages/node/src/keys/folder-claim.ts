/**
 * One process at a time in a folder that has no store, and so none of its locks: that of a root's keys (rule ME6). Whoever comes puts up a file of its
 * own and then looks for others; of two that come at once at least one sees the other, perhaps both, and gives up: a person repeats it. As no name of a
 * claim is ever used again, a dead one can be removed by anybody without a race, which a single lock file does not allow.
 */
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";

/** A claim that nobody has renewed for so long, in ms, is dead, whoever made it: a stick may have been in another machine. */
export const FOLDER_CLAIM_OLD_MS: number = 30_000;

const RENEW_EVERY_MS = 5_000;
const CLAIM = /^claim-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}$/;

/** Whether that is the name of a claim, which is nobody's data. */
export function isFolderClaim(name: string): boolean {
  return CLAIM.test(name);
}

/**
 * Does something while nobody else does in this folder.
 * @param dir - it is there
 * @throws PulsemeshError `store-locked` while another process has it; and what `work` throws
 */
export async function withFolderClaim<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const path = claim(dir);
  const timer = setInterval(() => renew(path), RENEW_EVERY_MS);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
    rmSync(path, { force: true });
  }
}

function claim(dir: string): string {
  const name = `claim-${hostKey()}-${process.pid}-${randomBytes(6).toString("hex")}`;
  const path = join(dir, name);
  if (stand(path, () => !isTaken(dir, name))) return path;
  throw new PulsemeshError(
    "store-locked",
    `Cannot change ${dir} now: another command is at work there. Nothing was changed; repeat this when that has ended.`,
  );
}

/** The file stays where `holds` says so, and nowhere else. */
function stand(path: string, holds: () => boolean): boolean {
  let stays = false;
  try {
    closeSync(openSync(path, "wx", 0o600));
    stays = holds();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot use ${path}: ${why}. Nothing was changed.`,
      { cause },
    );
  } finally {
    if (!stays) rmSync(path, { force: true });
  }
  return stays;
}

function renew(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Somebody took this process for dead; what it does is still written all or none.
  }
}

/** Whether another living process has it. Dead claims are removed on the way. */
function isTaken(dir: string, own: string): boolean {
  let taken = false;
  for (const name of readdirSync(dir)) {
    if (name === own || !isFolderClaim(name)) continue;
    if (isLiving(dir, name)) taken = true;
    else rmSync(join(dir, name), { force: true });
  }
  return taken;
}

function isLiving(dir: string, name: string): boolean {
  const [, host, pid] = CLAIM.exec(name) ?? [];
  const renewedMs = statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs;
  // One from far ahead was made before the clock was set back, and nobody renews it now.
  if (renewedMs === undefined || Math.abs(Date.now() - renewedMs) > FOLDER_CLAIM_OLD_MS)
    return false;
  // Of another machine or container nothing is known but how old its claim is.
  return host !== hostKey() || isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function hostKey(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}
