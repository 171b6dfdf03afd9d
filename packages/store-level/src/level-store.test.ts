import { type ChildProcess, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Store, PulsemeshError } from "@pulsemesh/core";
import { storeContract } from "@pulsemesh/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { STORE_COMMITS_WAITING_MAX } from "./group-commit.ts";
import { type Database, openDatabase } from "./level-database.ts";
import {
  CORRUPT_REPORTED_MAX,
  createLevelStore,
  LevelStore,
  SCAN_REPAIRS_MAX,
} from "./level-store.ts";
import { QUARANTINE_BYTES_MAX, QUARANTINE_ROWS_MAX } from "./quarantine.ts";

let dir: string;
const opened: Store[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-store-"));
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(dir, { recursive: true, force: true });
  rmSync(`${dir}-copy`, { recursive: true, force: true });
});

async function open(at: string = dir): Promise<Store> {
  const store = createLevelStore({ dir: at });
  await store.open();
  opened.push(store);
  return store;
}

const row = (key: string, value = key) => ({
  type: "put" as const,
  key,
  value: new TextEncoder().encode(value),
});
const all = { gte: "", lt: "\u{10FFFF}" };

async function keys(store: Store): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.scan(all)) found.push(key);
  return found;
}

/** A store over a real database whose writes can be made to fail and whose rows can be reached. */
function failingStore(at: string): {
  store: LevelStore;
  fail(message: string | undefined): void;
  /** Lets no write begin until it is called off. */
  hold(): () => void;
  database(): Database;
} {
  let failure: string | undefined;
  let held: Promise<void> = Promise.resolve();
  let database: Database | undefined;
  const store = new LevelStore(
    {
      async openDatabase(location, repairFirst) {
        const result = await openDatabase(location, repairFirst);
        const real = result.database;
        database = real;
        const write: Database["write"] = async (ops, sync) => {
          await held;
          if (failure !== undefined) throw new Error(failure);
          await real.write(ops, sync);
        };
        return { findings: result.findings, database: { ...real, write } };
      },
    },
    { dir: at },
  );
  return {
    store,
    fail: (message) => {
      failure = message;
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    database: () => database!,
  };
}

storeContract("LevelStore", async () => {
  const at = mkdtempSync(join(tmpdir(), "pulsemesh-store-"));
  const { store, fail, database } = failingStore(at);
  await store.open();
  const copies: Store[] = [];
  return {
    store,
    // What kill -9 leaves: the files as they are now.
    async crash() {
      cpSync(at, `${at}-crashed`, { recursive: true });
      const copy = createLevelStore({ dir: `${at}-crashed` });
      await copy.open();
      copies.push(copy);
      return copy;
    },
    async corruptRow(key) {
      const bytes = (await database().get(`data/${key}`))!.slice();
      bytes[bytes.length - 1]! ^= 1;
      await database().write([{ type: "put", key: `data/${key}`, value: bytes }], true);
    },
    failWrites(code) {
      fail(
        code === "store-full"
          ? "IO error: 000003.log: No space left on device"
          : code && "IO error: Input/output error",
      );
    },
    async dispose() {
      for (const each of [store, ...copies]) await each.close();
      for (const path of [at, `${at}-crashed`]) rmSync(path, { recursive: true, force: true });
    },
  };
});

describe("createLevelStore", () => {
  test("P5 makes the data directory private to its user", async () => {
    const at = join(dir, "new", "deep");
    await open(at);
    expect(statSync(at).mode & 0o777).toBe(0o700);
    const unusable = createLevelStore({ dir: join("/dev/null", "x") });
    await expect(unusable.open()).rejects.toMatchObject({
      code: "data-dir-unusable",
      changed: false,
    });
  });

  test("P5 a second store on one directory is refused and names the holder's pid", async () => {
    await open();
    const error = await createLevelStore({ dir })
      .open()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PulsemeshError);
    expect(error).toMatchObject({ code: "store-locked", changed: false });
    expect((error as Error).message).toContain(`process ${process.pid}`);
  });

  test("P5 a pid file of a process that is gone does not keep anybody out", async () => {
    writeFileSync(join(dir, "pid"), `${await deadPid()}\n`);
    const store = await open();
    expect(readFileSync(join(dir, "pid"), "utf8")).toBe(`${process.pid}\n`);
    await store.close();
    expect(existsSync(join(dir, "pid"))).toBe(false);
  });

  test("P5 a lock whose pid file stays stale for PID_READS_MAX looks is still a lock, and blames nobody", async () => {
    await open();
    writeFileSync(join(dir, "pid"), `${await deadPid()}\n`);
    const error = await createLevelStore({ dir })
      .open()
      .catch((reason: unknown) => reason);
    expect((error as Error).message).toContain("another process is using it");
  });

  test("DU3 a disk that is full at the start is store-full, and not a store to be restored or moved away", async () => {
    const full = new Error("Database failed to open", {
      cause: new Error("IO error: MANIFEST-000001: No space left on device"),
    });
    const deps = { openDatabase: () => Promise.reject(full) };
    const error = await new LevelStore(deps, { dir }).open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "store-full", changed: false });
    expect((error as Error).message).toContain("the disk is full");
    expect((error as Error).message).not.toMatch(/restore|move/);
  });

  test("DU3 who reads while the disk stays full hears of the disk, until the store is open again", async () => {
    let isFull = false;
    const mayWrite = (): void => {
      if (isFull) throw new Error("IO error: 000003.log: No space left on device");
    };
    const deps = {
      async openDatabase(location: string, repairFirst: boolean) {
        mayWrite();
        const { findings, database } = await openDatabase(location, repairFirst);
        const write: Database["write"] = async (ops, sync) => {
          mayWrite();
          await database.write(ops, sync);
        };
        return { findings, database: { ...database, write } };
      },
    };
    const store = new LevelStore(deps, { dir });
    opened.push(store);
    await store.open();
    await store.commit([row("a")]);
    isFull = true;
    const storeFull = { code: "store-full" };
    await expect(store.commit([row("b")])).rejects.toMatchObject(storeFull);
    expect(await keys(store)).toEqual(["a"]);
    await expect(store.open()).rejects.toMatchObject(storeFull);
    await expect(store.get("a")).rejects.toMatchObject(storeFull);
    await expect(keys(store)).rejects.toMatchObject(storeFull);
    isFull = false;
    await store.open();
    expect(await keys(store)).toEqual(["a"]);
  });

  test("DU1 a store of a newer release is left alone", async () => {
    const { store, database } = failingStore(dir);
    await store.open();
    await database().write(
      [{ type: "put", key: "meta/format", value: new TextEncoder().encode("99") }],
      true,
    );
    await store.close();
    await expect(createLevelStore({ dir }).open()).rejects.toMatchObject({
      code: "store-newer",
      changed: false,
    });
    await expect(createLevelStore({ dir }).open()).rejects.toMatchObject({ code: "store-newer" });
  });

  test("DU1 a corrupt row is moved to quarantine, not destroyed, and never overwrites a newer value", async () => {
    const { store, database } = failingStore(dir);
    opened.push(store);
    await store.open();
    await database().write(
      [{ type: "put", key: "data/a", value: new Uint8Array([1, 0, 0, 0, 0, 7]) }],
      true,
    );
    await database().write([{ type: "put", key: "data/b", value: new Uint8Array([1]) }], true);
    await database().write(
      [{ type: "put", key: "data/c", value: new Uint8Array([9, 0, 0, 0, 0]) }],
      true,
    );
    const newer = store.commit([row("b", "newer")]);
    expect(await keys(store)).toEqual([]);
    await newer;
    await store.commit([row("d")]);
    expect(await keys(store)).toEqual(["b", "d"]);
    expect(store.corrupt).toEqual([
      { key: "a", reason: "checksum" },
      { key: "b", reason: "frame-short" },
      { key: "c", reason: "frame-version" },
    ]);
    expect([...(await database().get("quarantine/a"))!]).toEqual([1, 0, 0, 0, 0, 7]);
    expect(await database().get("quarantine/b")).toBeUndefined();
    expect(await database().get("data/a")).toBeUndefined();
  });

  async function spoil(database: Database, keys: readonly string[], value: Uint8Array) {
    const ops = keys.map((key) => ({ type: "put" as const, key: `data/${key}`, value }));
    await database.write(ops, true);
  }

  async function quarantined(database: Database): Promise<string[]> {
    const found: string[] = [];
    for await (const [key] of database.rows({ gte: "quarantine/", lt: "quarantine0" }))
      found.push(key);
    return found;
  }

  test("P6 DU1 CORRUPT_REPORTED_MAX bounds the report and QUARANTINE_ROWS_MAX what is kept aside; what was spoiled earlier makes room, what is deleted is counted", async () => {
    const { store, database } = failingStore(dir);
    opened.push(store);
    await store.open();
    const rows = (prefix: string, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(4, "0")}`);
    await spoil(database(), rows("k", CORRUPT_REPORTED_MAX + 5), new Uint8Array([1]));
    // What one reading has no room for, the next one moves.
    for (let reading = 0; reading < 2; reading++) {
      expect(await keys(store)).toEqual([]);
      await store.commit([row("z")]);
      await store.commit([{ type: "del", key: "z" }]);
    }
    expect(store.corrupt).toHaveLength(CORRUPT_REPORTED_MAX);
    expect(await quarantined(database())).toHaveLength(QUARANTINE_ROWS_MAX);
    expect(store.discarded).toBe(5);
    await store.close();
    await store.open();
    await spoil(database(), rows("a", 2), new Uint8Array([1]));
    expect(await keys(store)).toEqual([]);
    await store.commit([row("z")]);
    const held = await quarantined(database());
    expect(held).toHaveLength(QUARANTINE_ROWS_MAX);
    expect(held.slice(0, 3)).toEqual(["quarantine/a0000", "quarantine/a0001", "quarantine/k0002"]);
    expect(store.discarded).toBe(7);
  });

  test("P6 QUARANTINE_BYTES_MAX bounds the bytes that are kept aside, over all openings", async () => {
    const { store, database } = failingStore(dir);
    opened.push(store);
    await store.open();
    const third = new Uint8Array(QUARANTINE_BYTES_MAX / 3);
    await spoil(database(), ["b", "c", "d"], third);
    expect(await keys(store)).toEqual([]);
    await store.commit([row("z")]);
    expect(await quarantined(database())).toEqual(["quarantine/b", "quarantine/c"]);
    expect(store.discarded).toBe(1);
    await store.close();
    await store.open();
    await spoil(database(), ["a"], third);
    expect(await keys(store)).toEqual(["z"]);
    await store.commit([row("z")]);
    expect(await quarantined(database())).toEqual(["quarantine/a", "quarantine/c"]);
    expect(await database().get("data/d")).toBeUndefined();
  });

  test("P6 more unreadable rows than commits may wait are no failure, and few of them wait in memory", async () => {
    const { store, hold, database } = failingStore(dir);
    opened.push(store);
    await store.open();
    const names = Array.from({ length: STORE_COMMITS_WAITING_MAX + 10 }, (_, i) => `k${i}`);
    await spoil(database(), names, new Uint8Array([1]));
    const release = hold();
    expect(await keys(store)).toEqual([]);
    release();
    await store.commit([row("z")]);
    expect(await keys(store)).toEqual(["z"]);
    await store.commit([row("z")]);
    // Of each reading no more than the quarantine holds, and what was under way.
    expect(store.discarded).toBeLessThan(3 * QUARANTINE_ROWS_MAX);
  });

  test("P6 SCAN_REPAIRS_MAX ends a reading that no repair helps", async () => {
    let repairs = 0;
    const corrupt = Object.assign(new Error("Corruption: bad block"), { code: "LEVEL_CORRUPTION" });
    const broken: Database = {
      get: (key) => (key === "meta/format" ? Promise.resolve(undefined) : Promise.reject(corrupt)),
      // eslint-disable-next-line require-yield
      async *rows() {
        await Promise.reject(corrupt);
      },
      write: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const store = new LevelStore(
      {
        openDatabase(_location, repairFirst) {
          if (repairFirst) repairs += 1;
          return Promise.resolve({ database: broken, findings: [] });
        },
      },
      { dir },
    );
    await store.open();
    await expect(keys(store)).rejects.toMatchObject({ code: "store-failed" });
    expect(repairs).toBe(SCAN_REPAIRS_MAX);
    await expect(store.get("a")).rejects.toMatchObject({ code: "store-failed" });
  });
});

/** The pid of a process that has just ended. */
async function deadPid(): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await new Promise((resolve) => child.once("exit", resolve));
  return child.pid!;
}
