/**
 * Example robot: a compliance check that nothing in a release folder can be written by everybody. A file or folder with the
 * world-writable bit makes it `failing` and is named in its state.
 */
import { lstat } from "node:fs/promises";
import type { Report } from "./mesh-reporter.ts";
import { walkFolder } from "./walk-folder.ts";

interface PermissionFinding {
  readonly file: string;
  /** Octal, such as `0777`. */
  readonly mode: string;
}

/** Violations that go into the state; the count names them all. */
export const violationsShownMax = 50;

const worldWritableBit = 0o002;
const stickyBit = 0o1000;
const permissionBits = 0o7777;

/** What everybody may write to, in a folder and itself. */
async function findWorldWritable(folder: string): Promise<PermissionFinding[]> {
  const { entries } = await walkFolder(folder);
  const findings: PermissionFinding[] = [];
  for (const { path, absolute } of [{ path: ".", absolute: folder }, ...entries]) {
    const mode = await openMode(absolute);
    if (mode !== undefined) findings.push({ file: path, mode });
  }
  return findings;
}

/** One round of the robot. */
export async function permissionCheckRound(folder: string): Promise<Report> {
  const violations = await findWorldWritable(folder);
  const state = {
    status: violations.length === 0 ? "compliant" : "violated",
    found: violations.length,
    violations: violations.slice(0, violationsShownMax),
  };
  const first = violations[0];
  if (first === undefined) return { health: "ok", summary: "nothing is world-writable", state };
  const summary = `${violations.length} world-writable, the first is ${first.file} (${first.mode})`;
  return { health: "failing", summary, state };
}

/** The mode of what everybody may write to; undefined for the rest, for what is gone, and for sticky folders such as /tmp. */
async function openMode(path: string): Promise<string | undefined> {
  try {
    const stats = await lstat(path);
    const open = (stats.mode & worldWritableBit) !== 0;
    const meant = stats.isDirectory() && (stats.mode & stickyBit) !== 0;
    if (!open || meant) return undefined;
    return (stats.mode & permissionBits).toString(8).padStart(4, "0");
  } catch {
    return undefined;
  }
}
