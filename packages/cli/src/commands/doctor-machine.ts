/** The checks of `doctor` that look at this machine: Node, data folder, file modes, disk. */
import { access, constants, lstat, readdir, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { packageVersion } from "../version.ts";
import type { Finding } from "./doctor-finding.ts";

const nodeMajorLeast = 24;
const nodeMajorTested = 26;
const freeBytesLow = 1_000_000_000;
const freeBytesVeryLow = 50_000_000;
const megabyte = 1_000_000;
const othersBits = 0o077;

/** Versions of this program and of Node. */
export function checkNodeVersion(version: string): Finding {
  const major = Number(version.split(".")[0]);
  const detail = `pulsemesh ${packageVersion()} on Node ${version}, ${process.platform} ${process.arch}`;
  if (major >= nodeMajorTested) return { check: "version", result: "ok", detail };
  return {
    check: "version",
    result: major < nodeMajorLeast ? "fail" : "warn",
    detail,
    next: `use Node ${nodeMajorTested}, which npm installs along with pulsemesh unless --omit=optional is given`,
  };
}

/** Whether the data folder is private to its owner; nothing to say when there is none on this machine. */
export async function checkDataFolder(folder: string): Promise<Finding[]> {
  const check = "data";
  try {
    const stats = await lstat(folder);
    if (!stats.isDirectory()) {
      const next = "choose a folder with --data";
      return [{ check, result: "fail", detail: `${folder} is no folder`, next }];
    }
  } catch {
    const detail = `no data on this machine at ${folder}`;
    const finding = {
      check,
      result: "ok",
      detail: `${detail} (--data names another folder)`,
    } as const;
    return [finding, ...(await brokenRestores(folder))];
  }
  if (process.platform === "win32") return [{ check, result: "ok", detail: folder }];
  const open = await openEntries(folder);
  const broken = await brokenRestores(folder);
  if (open.length === 0)
    return [{ check, result: "ok", detail: `${folder}, private to its owner` }, ...broken];
  const findings = open.map(({ path, mode }) => ({
    check,
    result: "fail" as const,
    detail: `${path} has mode ${mode}: others on this machine can get at the node's key`,
    next: `chmod go= ${path}`,
  }));
  return [...findings, ...broken];
}

/** Keys that nobody knows of. */
async function brokenRestores(folder: string): Promise<Finding[]> {
  const { oldDrafts, openRestores } = await import("@pulsemesh/node/backup");
  const restores = openRestores(folder).map((path) => ({
    check: "data",
    result: "warn" as const,
    detail: `a restore is under way in ${path}, or was broken off: there are private keys in it`,
    next: `unless one runs: rm -r ${path}`,
  }));
  const drafts = oldDrafts(folder, Date.now()).map((path) => ({
    check: "data",
    result: "warn" as const,
    detail: `${path} is left of a write that was broken off: there may be a key in it`,
    next: `the next start of the node removes it, or: rm ${path}`,
  }));
  return [...restores, ...drafts];
}

/** The folder itself, and key files in it, when others may read or write them. */
async function openEntries(
  folder: string,
): Promise<{ readonly path: string; readonly mode: string }[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const secrets = names.filter((name) => /key/i.test(name)).map((name) => join(folder, name));
  const found = [];
  for (const path of [folder, ...secrets]) {
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined || (stats.mode & othersBits) === 0) continue;
    found.push({ path, mode: (stats.mode & 0o777).toString(8).padStart(4, "0") });
  }
  return found;
}

/** Whether the disk under the data folder has room and takes writes. */
export async function checkDisk(folder: string): Promise<Finding[]> {
  const at = await nearestExisting(folder);
  try {
    const { bavail, bsize } = await statfs(at);
    const findings = [diskFinding(bavail * bsize, at)];
    const fault = await writeFaultOf(at);
    return fault === undefined ? findings : [...findings, writeFinding(fault, at)];
  } catch {
    return [];
  }
}

/** How much room there is; `used` says how much of the rest is the node's. */
export function diskFinding(freeBytes: number, at: string, used?: string): Finding {
  const of = used === undefined ? "" : `, ${used}`;
  const detail = `${Math.floor(freeBytes / megabyte)} MB free at ${at}${of}`;
  if (freeBytes >= freeBytesLow) return { check: "disk", result: "ok", detail };
  const result = freeBytes < freeBytesVeryLow ? "fail" : "warn";
  const next = "free some: a full disk makes the node refuse beats and state until there is room";
  return { check: "disk", result, detail, next };
}

/** A folder that takes no writes. */
export function writeFinding(fault: string, folder: string): Finding {
  const known: Readonly<Record<string, string>> = {
    ENOSPC: "free some space",
    EDQUOT: "raise the quota of this user, or free some space",
    EROFS: "mount it writable",
    EACCES: "give it to the user that runs the node (chown)",
    EPERM: "give it to the user that runs the node (chown)",
    EIO: "check the disk (dmesg, smartctl)",
  };
  return {
    check: "disk",
    result: "fail",
    detail: `${folder} takes no writes (${fault})`,
    next: known[fault] ?? "see what the system says of that disk",
  };
}

async function writeFaultOf(folder: string): Promise<string | undefined> {
  try {
    await access(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    return typeof code === "string" ? code : String(error);
  }
}

async function nearestExisting(folder: string): Promise<string> {
  let at = folder;
  while (dirname(at) !== at && (await lstat(at).catch(() => undefined)) === undefined) {
    at = dirname(at);
  }
  return at;
}
