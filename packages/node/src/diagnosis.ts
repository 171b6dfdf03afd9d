/**
 * What a running node can tell of itself and its surroundings, for `doctor`: facts only, what they mean is for the reader to say.
 * Gathered when asked for; the reachability of members takes seconds.
 */
import { randomBytes } from "node:crypto";
import { open, readdir, readFile, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { LinkReport } from "@pulsemesh/transport-libp2p";
import type { NodeId, RobotId, RobotView } from "@pulsemesh/core";

/** Files of a data directory whose sizes are added up. */
export const FILES_COUNTED_MAX: number = 10_000;
/** Robots looked at between two turns of the event loop. */
const ROBOTS_A_TURN = 250;

export interface DiskFacts {
  /** Free for this user where the data are; undefined where the system does not say. */
  readonly freeBytes: number | undefined;
  /** Everything in the data directory. */
  readonly usedBytes: number;
  /** Why a small file could not be written and synced there; undefined when it could. */
  readonly writeFault: string | undefined;
}

/** What the node was started with. */
export interface NodeSettings {
  readonly dataDir: string;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly join: readonly string[];
  readonly mdns: boolean;
  readonly observer: boolean;
  readonly pulseEveryMs: number;
  readonly settleMs: number;
}

export interface NodeDiagnosis {
  readonly agent: string;
  readonly nodeVersion: string;
  readonly pid: number;
  readonly upMs: number;
  readonly settings: NodeSettings;
  readonly disk: DiskFacts;
  /** Of this process; undefined where the system does not say. */
  readonly openFiles: { readonly count: number; readonly max: number } | undefined;
  /** p99 of the event loop's lag over the last second. */
  readonly loopLagMs: number;
  /** Time zones of cron robots that this machine does not know, sorted. */
  readonly unknownTimeZones: readonly string[];
  readonly links: readonly LinkReport[];
  /** Nodes that do not let this one in, by their own word, and since when it was last said, in ms. */
  readonly refusedBy: readonly {
    readonly node: NodeId;
    readonly reason: string;
    readonly ageMs: number;
  }[];
}

/** Room on the disk, and whether it takes a write. */
export async function diskFacts(dataDir: string): Promise<DiskFacts> {
  const [space, usedBytes, writeFault] = await Promise.all([
    statfs(dataDir).catch(() => undefined),
    bytesIn(dataDir),
    writeFaultOf(dataDir),
  ]);
  const freeBytes = space === undefined ? undefined : space.bavail * space.bsize;
  return { freeBytes, usedBytes, writeFault };
}

async function bytesIn(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries.slice(0, FILES_COUNTED_MAX)) {
    if (!entry.isFile()) continue;
    // LevelDB may have removed it meanwhile.
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

async function writeFaultOf(dir: string): Promise<string | undefined> {
  const path = join(dir, `.write-test-${randomBytes(6).toString("hex")}`);
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.write("pulsemesh");
      await file.sync();
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    return typeof code === "string" ? code : String(error);
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** Open files of this process and how many it may have; Linux only. */
export async function openFilesNow(): Promise<NodeDiagnosis["openFiles"]> {
  try {
    const [files, limits] = await Promise.all([
      readdir("/proc/self/fd"),
      readFile("/proc/self/limits", "utf8"),
    ]);
    const max = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return max === undefined ? undefined : { count: files.length, max: Number(max) };
  } catch {
    return undefined;
  }
}

/** Time zones of cron robots that this machine does not know, sorted. Lets others have their turn in between. */
export async function unknownTimeZones(
  ids: readonly RobotId[],
  robot: (id: RobotId) => RobotView | undefined,
): Promise<readonly string[]> {
  const zones = new Set<string>();
  for (const [index, id] of ids.entries()) {
    if (index % ROBOTS_A_TURN === ROBOTS_A_TURN - 1) await turn();
    const schedule = robot(id)?.schedule;
    if (schedule?.type === "cron") zones.add(schedule.timeZone);
  }
  return [...zones].filter((zone) => !isTimeZone(zone)).toSorted();
}

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
