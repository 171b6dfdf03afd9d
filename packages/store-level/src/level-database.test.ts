import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "@pulsemesh/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FINDINGS_MAX, LOST_BYTES_MAX, openDatabase } from "./level-database.ts";
import { createLevelStore } from "./level-store.ts";

const ROWS = 3_000;
const VALUE_BYTES = 200;

let dir: string;
let files: string;
let opened: Store | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-level-"));
  files = join(dir, "store");
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  rmSync(dir, { recursive: true, force: true });
});

/** Writes rows 0 … 2,999; with `tables` they end up in .ldb files, else in the write-ahead log. */
async function fill(where: "tables" | "log"): Promise<void> {
  const store = createLevelStore({ dir });
  await store.open();
  const writes = Array.from({ length: ROWS }, (_, i) => store.commit([row(i)]));
  await Promise.all(writes);
  await store.close();
  if (where === "tables") {
    // A repair turns the log into tables, opening compacts them.
    const { database } = await openDatabase(files, true);
    await database.close();
  }
}

/** Values are random, so that compression cannot hide where a row lies. */
function row(i: number) {
  const value = new Uint8Array(VALUE_BYTES);
  for (let at = 0, x = i + 1; at < VALUE_BYTES; at++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    value[at] = x >>> 16;
  }
  return { type: "put" as const, key: `k${String(i).padStart(5, "0")}`, value };
}

function names(pattern: RegExp): string[] {
  return readdirSync(files)
    .filter((name) => pattern.test(name))
    .map((name) => join(files, name));
}

function damage(file: string, at: number, bytes: number): void {
  const content = readFileSync(file);
  const start = at < 0 ? content.length + at : Math.floor(content.length * at);
  for (let i = 0; i < bytes; i++) content[start + i]! ^= 0xa5;
  writeFileSync(file, content);
}

async function survivors(): Promise<{
  readonly intact: number;
  readonly corrupt: readonly { key: string; reason: string }[];
}> {
  opened = createLevelStore({ dir });
  await opened.open();
  let intact = 0;
  for await (const { key, value } of opened.scan({ gte: "", lt: "~" })) {
    expect(Buffer.compare(value, row(Number(key.slice(1))).value)).toBe(0);
    intact += 1;
  }
  await opened.commit([{ type: "put", key: "z", value: new Uint8Array(1) }]);
  expect(await opened.get("z")).toHaveLength(1);
  return { intact, corrupt: opened.corrupt };
}

describe("damage inside LevelDB's files", () => {
  test("DU1 a flipped byte inside a value costs that row and is reported by key", async () => {
    await fill("tables");
    damage(names(/\.ldb$/)[0]!, 0.5, 1);
    const { intact, corrupt } = await survivors();
    expect(ROWS - intact).toBeLessThanOrEqual(20);
    expect(ROWS - intact).toBeGreaterThan(0);
    expect(corrupt.length).toBeGreaterThan(0);
  });

  test("DU1 a garbled block costs its rows, is repaired, and everything else loads", async () => {
    await fill("tables");
    damage(names(/\.ldb$/)[0]!, 0.5, 6_000);
    const { intact, corrupt } = await survivors();
    expect(ROWS - intact).toBeGreaterThan(0);
    expect(ROWS - intact).toBeLessThan(100);
    expect(corrupt.length).toBeGreaterThan(0);
  });

  test("DU1 a table without its footer is given up, and the store still opens and takes writes", async () => {
    await fill("tables");
    damage(names(/\.ldb$/)[0]!, -8, 8);
    const { intact, corrupt } = await survivors();
    expect(intact).toBeLessThan(ROWS);
    expect(corrupt.some((finding) => finding.reason.includes("repaired"))).toBe(true);
    expect(readdirSync(join(files, "lost")).length).toBeGreaterThan(0);
  });

  test("DU1 a flipped byte in the write-ahead log costs what its record held and is reported by file", async () => {
    await fill("log");
    damage(names(/\.log$/)[0]!, 0.5, 1);
    const { intact, corrupt } = await survivors();
    expect(ROWS - intact).toBeGreaterThan(0);
    expect(ROWS - intact).toBeLessThan(ROWS / 2);
    expect(corrupt[0]).toMatchObject({
      key: expect.stringContaining(".log"),
      reason: expect.stringContaining("dropping"),
    });
  });

  test("P5 a log cut short, as a torn write leaves it, costs only the torn end and is no damage", async () => {
    await fill("log");
    const log = names(/\.log$/)[0]!;
    writeFileSync(log, readFileSync(log).subarray(0, -10));
    const { intact, corrupt } = await survivors();
    expect(ROWS - intact).toBeGreaterThan(0);
    expect(corrupt).toEqual([]);
  });

  test.for([
    ["garbage in CURRENT", () => writeFileSync(join(files, "CURRENT"), "garbage\n")],
    ["an empty CURRENT", () => writeFileSync(join(files, "CURRENT"), "")],
    ["a missing CURRENT", () => rmSync(join(files, "CURRENT"))],
    ["a missing manifest", () => rmSync(names(/MANIFEST/)[0]!)],
    ["a damaged manifest", () => damage(names(/MANIFEST/)[0]!, 0, 30)],
  ] as const)("DU1 %s loses nothing", async ([, hurt]) => {
    await fill("tables");
    hurt();
    const { intact, corrupt } = await survivors();
    expect(intact).toBe(ROWS);
    expect(corrupt.map((finding) => finding.reason).join()).toContain("repaired");
  });

  test("DU1 after a repair newer values still win over older ones", async () => {
    await fill("tables");
    const store = createLevelStore({ dir });
    await store.open();
    for (let round = 0; round < 3; round++) {
      await store.commit(
        Array.from({ length: ROWS }, (_, i) => ({ ...row(i), value: new Uint8Array([round]) })),
      );
    }
    await store.commit(Array.from({ length: ROWS }, (_, i) => row(i)));
    await store.close();
    rmSync(join(files, "CURRENT"));
    expect((await survivors()).intact).toBe(ROWS);
  });

  test("P6 LOST_BYTES_MAX bounds what repairs leave behind; the oldest goes", async () => {
    await fill("log");
    const lost = join(files, "lost");
    mkdirSync(lost);
    for (const [i, name] of ["oldest", "older", "old"].entries()) {
      const path = join(lost, name);
      writeFileSync(path, "");
      truncateSync(path, LOST_BYTES_MAX / 2 - 1_000_000);
      utimesSync(path, 1_000 + i, 1_000 + i);
    }
    const { database } = await openDatabase(files, true);
    await database.close();
    const kept = readdirSync(lost);
    expect(kept).toEqual(expect.arrayContaining(["older", "old"]));
    expect(kept).not.toContain("oldest");
    // What this repair left is the newest.
    expect(kept.length).toBeGreaterThan(2);
  });

  test("P6 FINDINGS_MAX bounds what one opening reports", async () => {
    const store = createLevelStore({ dir });
    await store.open();
    for (let i = 0; i < 350; i++)
      await store.commit([{ ...row(i), value: new Uint8Array(10_000) }]);
    await store.close();
    const log = names(/\.log$/)[0]!;
    const content = readFileSync(log);
    // One flipped byte in each block of 32 KiB; each is one report.
    for (let at = 100; at < content.length; at += 32_768) content[at]! ^= 1;
    writeFileSync(log, content);
    const { database, findings } = await openDatabase(files, false);
    await database.close();
    expect(findings).toHaveLength(FINDINGS_MAX);
  });
});
