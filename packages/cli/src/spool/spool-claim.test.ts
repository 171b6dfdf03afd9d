import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CLAIM_MS_MAX, claimSpool, type SpoolClaim } from "./spool-claim.ts";

const key = "0123456789ab";
/** Turns of the event loop instead of milliseconds. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-claim-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const claim = (urlKey: string = key): Promise<SpoolClaim | undefined> =>
  claimSpool(folder, urlKey, { pause });

/** A claim of somebody else, as its name says. */
function foreign(name: string, ageMs: number): void {
  const path = join(folder, name);
  writeFileSync(path, "");
  const at = new Date(Date.now() - ageMs);
  utimesSync(path, at, at);
}

/** Of a claim of this machine, with another process id. */
async function nameWithPid(pid: number): Promise<string> {
  await using _mine = await claim();
  const [name = ""] = readdirSync(folder);
  return name.replace(`-${process.pid}-`, `-${pid}-`);
}

describe("CLI31 who delivers", () => {
  test("CLI31 one at a time for each node; a claim that was given back is free", async () => {
    {
      await using first = await claim();
      expect(await first?.isHeld()).toBe(true);
      expect(await claim()).toBeUndefined();
      await using other = await claim("ffffffffffff");
      expect(other).toBeDefined();
      expect(readdirSync(folder)).toHaveLength(2);
    }
    expect(readdirSync(folder)).toEqual([]);
    await using again = await claim();
    expect(again).toBeDefined();
  });

  test("CLI31 of many that come at once never two get it", async () => {
    for (let round = 0; round < 20; round++) {
      const claims = await Promise.all(Array.from({ length: 8 }, () => claim()));
      const got = claims.filter((each) => each !== undefined);
      expect(got.length).toBeLessThanOrEqual(1);
      for (const each of got) await each[Symbol.asyncDispose]();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test("CLI31 a claim of a process that is gone is taken over at once", async () => {
    foreign(await nameWithPid(2 ** 22 + 1), 0);
    await using mine = await claim();
    expect(await mine?.isHeld()).toBe(true);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("CLI31 a claim older than CLAIM_MS_MAX is dead, of whatever machine; a younger one of another machine is not", async () => {
    const name = `claim-${key}-ffffffff-1-aabbccddeeff`;
    foreign(name, CLAIM_MS_MAX - 5_000);
    expect(await claim()).toBeUndefined();
    foreign(name, CLAIM_MS_MAX + 1_000);
    await using mine = await claim();
    expect(mine).toBeDefined();
    expect(readdirSync(folder)).not.toContain(name);
  });

  test("CLI31 a claim from far ahead, as of before the clock was set back, is dead too: it would block for as long", async () => {
    const name = `claim-${key}-ffffffff-1-aabbccddeeff`;
    foreign(name, 5_000 - CLAIM_MS_MAX);
    expect(await claim()).toBeUndefined();
    foreign(name, -1_000 - 2 * CLAIM_MS_MAX);
    await using mine = await claim();
    expect(mine).toBeDefined();
  });

  test("CLI31 who was taken for dead learns it before the next beat", async () => {
    await using mine = await claim();
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    expect(await mine?.isHeld()).toBe(false);
  });
});
