/**
 * The sync comes before the answer. Two proofs on the real LevelDB, both of which must fail when the sync is taken out:
 * the order of system calls, and a disk torn off at what had been synced when the last answer was given.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createLevelStore } from "@pulsemesh/store-level";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseTrace, requireStrace, STRACE_OPTIONS, type TracedCall } from "../support/strace.ts";

const CHILD = join(import.meta.dirname, "store-sync-main.ts");
const ACKS = 105;

interface Run {
  readonly acked: readonly string[];
  readonly calls: readonly TracedCall[];
}

let dir: string;

beforeAll(requireStrace);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-sync-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs the child under strace until it kills itself. */
function run(mode: "sync" | "no-sync"): Run {
  const output = join(dir, "trace");
  const node = [process.execPath, ...process.execArgv, CHILD, join(dir, "data"), mode];
  const child = spawnSync("strace", [...STRACE_OPTIONS, "-o", output, ...node], {
    encoding: "utf8",
  });
  const acked = Array.from(child.stdout.matchAll(/^acked (.+)$/gm), (match) => match[1] ?? "");
  expect({ acks: acked.length, stderr: child.stderr }).toMatchObject({ acks: ACKS });
  return { acked, calls: parseTrace(readFileSync(output, "utf8")) };
}

const isLog = (path: string): boolean => /\/store\/\d+\.log$/.test(path);

/** Acknowledgements given while bytes of LevelDB's log were written but not synced by a sync that began after them. */
function unsyncedAcks(calls: readonly TracedCall[]): number {
  let unsynced = 0;
  let early = 0;
  for (const call of calls) {
    if (call.type === "sync" && isLog(call.path)) unsynced = 0;
    if (call.type !== "write") continue;
    if (isLog(call.path)) unsynced += call.bytes;
    // In a group only the first answer can be compared: the next group may be on its way by the second.
    else if (call.text.includes('"acked single-') && unsynced > 0) early += 1;
  }
  return early;
}

/** Bytes of the log that were synced when the last answer was given. */
function syncedBytes(calls: readonly TracedCall[]): number {
  const lastAck = calls.findLastIndex(
    (call) => call.type === "write" && call.text.includes('"acked '),
  );
  let written = 0;
  let synced = 0;
  for (const call of calls.slice(0, lastAck)) {
    if (!isLog(call.path)) continue;
    if (call.type === "write") written += call.bytes;
    else synced = written;
  }
  return synced;
}

/** Cuts the log where the disk would have ended, and tells which of the acknowledged keys are still there. */
async function keysOnTornDisk({ acked, calls }: Run): Promise<number> {
  const torn = join(dir, "torn");
  cpSync(join(dir, "data"), torn, { recursive: true });
  const log = calls.find((call) => isLog(call.path));
  if (log !== undefined) truncateSync(join(torn, "store", basename(log.path)), syncedBytes(calls));
  const store = createLevelStore({ dir: torn });
  await store.open();
  let found = 0;
  for (const key of acked) if ((await store.get(key)) !== undefined) found += 1;
  await store.close();
  return found;
}

describe("LevelStore on a real disk", () => {
  test("DU1 P5 every answer comes after the fdatasync of what it acknowledges, and a torn disk loses none", async () => {
    const result = run("sync");
    expect(result.calls.some((call) => call.type === "sync" && isLog(call.path))).toBe(true);
    expect(unsyncedAcks(result.calls)).toBe(0);
    expect(await keysOnTornDisk(result)).toBe(ACKS);
  });

  test("DU1 P5 with the sync taken out both proofs fail, so they do see it", async () => {
    const result = run("no-sync");
    expect(unsyncedAcks(result.calls)).toBeGreaterThan(0);
    expect(await keysOnTornDisk(result)).toBe(0);
  });

  test("DU1 commits that wait together share a sync", () => {
    const { calls } = run("sync");
    const syncs = calls.filter((call) => call.type === "sync" && isLog(call.path)).length;
    expect(syncs).toBeLessThan(ACKS / 2);
  });
});
