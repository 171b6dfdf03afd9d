/**
 * What every implementation of the storage port must do, as tests. Run by the LevelDB store and by the simulated one, so that
 * what simulation proves holds on a real disk.
 */
import type { Store, StoreOp, StoreRange } from "@pulsemesh/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** One store and the means to hurt it. */
export interface StoreHarness {
  /** Opened by the harness. */
  readonly store: Store;
  /** The process is gone without a word; returns an opened store over what is left. */
  crash(): Promise<Store>;
  /** Changes the stored bytes of one row behind the store's back. */
  corruptRow(key: string): Promise<void>;
  /** From now on writes fail; undefined makes them work again. */
  failWrites(code: "store-full" | "store-failed" | undefined): void;
  dispose(): Promise<void>;
}

const ALL: StoreRange = { gte: "", lt: "\u{10FFFF}" };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Registers the contract suite for one implementation. */
export function storeContract(name: string, create: () => Promise<StoreHarness>): void {
  describe(`store contract: ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;

    beforeEach(async () => {
      harness = await create();
      store = harness.store;
    });
    afterEach(() => harness.dispose());

    test("DU1 a commit puts and deletes, and reads see it", async () => {
      await store.commit([put("a", "1"), put("b", "2"), put("c", "")]);
      await store.commit([{ type: "del", key: "a" }, put("b", "3"), { type: "del", key: "never" }]);
      expect(await store.get("a")).toBeUndefined();
      expect(await text(store, "b")).toBe("3");
      expect(await text(store, "c")).toBe("");
      expect(await read(store, ALL)).toEqual(["b=3", "c="]);
    });

    test("DU1 within one commit the last operation on a key wins", async () => {
      await store.commit([
        put("a", "1"),
        { type: "del", key: "a" },
        put("a", "2"),
        put("b", "1"),
        { type: "del", key: "b" },
      ]);
      expect(await read(store, ALL)).toEqual(["a=2"]);
    });

    test("DU1 scans run in byte order of the UTF-8 keys, both ways, with limits", async () => {
      const keys = ["\u{1F600}", "\uFF5E", "z", "a/2", "a/10", "a", "\u{E9}", "a\u0000"];
      await store.commit(keys.map((key) => put(key, "x")));
      const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await scanKeys(store, ALL)).toEqual(sorted);
      expect(await scanKeys(store, { ...ALL, reverse: true })).toEqual(sorted.toReversed());
      expect(await scanKeys(store, { ...ALL, limit: 2 })).toEqual(sorted.slice(0, 2));
      expect(await scanKeys(store, { ...ALL, limit: 0 })).toEqual([]);
      expect(await scanKeys(store, { gte: "a", lt: "a/2" })).toEqual(["a", "a\u0000", "a/10"]);
      expect(await scanKeys(store, { gte: "a", lt: "a/2", reverse: true, limit: 1 })).toEqual([
        "a/10",
      ]);
    });

    test("DU1 a scan under way does not see later commits", async () => {
      await store.commit([put("a", "1"), put("b", "1"), put("c", "1")]);
      const seen: string[] = [];
      for await (const row of store.scan(ALL)) {
        seen.push(`${row.key}=${decoder.decode(row.value)}`);
        await store.commit([put("b", "2"), put("d", "2"), { type: "del", key: "c" }]);
      }
      expect(seen).toEqual(["a=1", "b=1", "c=1"]);
    });

    test("DU1 commits that were not awaited take effect in call order", async () => {
      const order: number[] = [];
      const commits = Array.from({ length: 1_000 }, async (_, i) => {
        await store.commit([put("last", String(i)), put(`k${i}`, String(i))]);
        order.push(i);
      });
      await Promise.all(commits);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(await text(store, "last")).toBe("999");
      expect(await scanKeys(store, { gte: "k", lt: "l" })).toHaveLength(1_000);
    });

    test("DU1 changing the caller's buffer after the call changes nothing", async () => {
      const value = encoder.encode("before");
      const committed = store.commit([{ type: "put", key: "a", value }]);
      value.fill(0x21);
      await committed;
      expect(await text(store, "a")).toBe("before");
    });

    test("P5 acknowledged commits survive a crash, whole", async () => {
      for (let i = 0; i < 20; i++)
        await store.commit([put(`x${i}`, String(i)), put(`y${i}`, String(i))]);
      const unacknowledged = store.commit([put("x20", "20"), put("y20", "20")]);
      const reopened = await harness.crash();
      unacknowledged.catch(() => undefined);
      const xs = await scanKeys(reopened, { gte: "x", lt: "y" });
      const ys = await scanKeys(reopened, { gte: "y", lt: "z" });
      expect(xs.length).toBeGreaterThanOrEqual(20);
      expect(ys).toEqual(xs.map((key) => key.replace("x", "y")));
    });

    for (const code of ["store-full", "store-failed"] as const) {
      test(`DU1 DU3 after a failed commit (${code}) all later ones fail until the store is reopened`, async () => {
        await store.commit([put("a", "1")]);
        harness.failWrites(code);
        const failed = store.commit([put("a", "2")]);
        const later = store.commit([put("b", "2")]);
        await expect(failed).rejects.toMatchObject({ code, changed: false });
        await expect(later).rejects.toMatchObject({ code });
        harness.failWrites(undefined);
        await expect(store.commit([put("c", "3")])).rejects.toMatchObject({ code });
        expect(await read(store, ALL)).toEqual(["a=1"]);
        await store.open();
        await store.commit([put("d", "4")]);
        expect(await read(store, ALL)).toEqual(["a=1", "d=4"]);
      });
    }

    test("DU1 a corrupt row is reported and left out, the rest loads, and its key can be written again", async () => {
      await store.commit([put("a", "1"), put("b", "2"), put("c", "3")]);
      await harness.corruptRow("b");
      expect(await read(store, ALL)).toEqual(["a=1", "c=3"]);
      expect(await read(store, { ...ALL, limit: 2 })).toEqual(["a=1", "c=3"]);
      expect(await store.get("b")).toBeUndefined();
      expect(store.corrupt.map((row) => row.key)).toEqual(["b"]);
      await store.commit([put("b", "4")]);
      expect(await read(store, ALL)).toEqual(["a=1", "b=4", "c=3"]);
    });

    test("DU1 open is idempotent, close waits for commits under way and is idempotent too", async () => {
      await store.open();
      const commits = [store.commit([put("a", "1")]), store.commit([put("b", "2")])];
      await store.close();
      await Promise.all(commits);
      await store.close();
      await expect(store.commit([put("c", "3")])).rejects.toMatchObject({ code: "store-failed" });
      await expect(store.get("a")).rejects.toMatchObject({ code: "store-failed" });
      await store.open();
      expect(await read(store, ALL)).toEqual(["a=1", "b=2"]);
    });
  });
}

function put(key: string, value: string): StoreOp {
  return { type: "put", key, value: encoder.encode(value) };
}

async function text(store: Store, key: string): Promise<string | undefined> {
  const value = await store.get(key);
  return value === undefined ? undefined : decoder.decode(value);
}

async function read(store: Store, range: StoreRange): Promise<string[]> {
  const rows: string[] = [];
  for await (const row of store.scan(range)) rows.push(`${row.key}=${decoder.decode(row.value)}`);
  return rows;
}

async function scanKeys(store: Store, range: StoreRange): Promise<string[]> {
  const keys: string[] = [];
  for await (const row of store.scan(range)) keys.push(row.key);
  return keys;
}
