import type { Store, StoreRow } from "@pulsemesh/core";
import { SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { Loader, LOADS_RUNNING_MAX, PAGE_BYTES_MAX, PAGE_ROWS_MAX } from "./loader.ts";
import { restoreRows } from "./restore.ts";

const flush = () => new Promise<void>((resolve) => setImmediate(resolve));
const all = { gte: "", lt: "~" };

async function storeWith(rows: readonly (readonly [key: string, bytes: number])[]): Promise<Store> {
  const store = new SimulatedStore(new SimulatedDisk({ random: () => 0 }));
  await store.open();
  await store.commit(
    rows.map(([key, bytes]) => ({ type: "put" as const, key, value: new Uint8Array(bytes) })),
  );
  return store;
}

function loaderOn(store: Store) {
  const pages: { load: number; rows: number; done: boolean }[] = [];
  const failures: unknown[] = [];
  const loader = new Loader({
    store,
    loaded: (load, rows, done) => pages.push({ load, rows: rows.length, done }),
    failed: (error) => failures.push(error),
  });
  return { loader, pages, failures };
}

describe("Loader", () => {
  test("DU1 a range comes in pages of PAGE_ROWS_MAX rows, the last one marked", async () => {
    const keys = Array.from({ length: PAGE_ROWS_MAX + 1 }, (_, i) => [`k${i}`, 1] as const);
    const { loader, pages } = loaderOn(await storeWith(keys));
    loader.add(1, all, 0, 0);
    await flush();
    expect(pages).toEqual([
      { load: 1, rows: PAGE_ROWS_MAX, done: false },
      { load: 1, rows: 1, done: true },
    ]);
  });

  test("DU1 a page ends after PAGE_BYTES_MAX bytes, and an empty range is one empty page", async () => {
    const { loader, pages } = loaderOn(
      await storeWith([
        ["a", PAGE_BYTES_MAX - 1],
        ["b", 1],
        ["c", 1],
      ]),
    );
    loader.add(1, all, 0, 0);
    loader.add(2, { gte: "x", lt: "y" }, 0, 0);
    await flush();
    expect(pages).toContainEqual({ load: 1, rows: 2, done: false });
    expect(pages).toContainEqual({ load: 1, rows: 1, done: true });
    expect(pages).toContainEqual({ load: 2, rows: 0, done: true });
  });

  test("DU1 a load waits for the commits that core made before it", async () => {
    const { loader, pages } = loaderOn(await storeWith([["a", 1]]));
    loader.add(1, all, 3, 2);
    await flush();
    expect(pages).toEqual([]);
    expect(loader.waiting).toBe(1);
    loader.advance(3);
    await flush();
    expect(pages).toEqual([{ load: 1, rows: 1, done: true }]);
  });

  test("P6 LOADS_RUNNING_MAX loads read at a time", async () => {
    const gate = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const store = {
      async *scan(): AsyncIterable<StoreRow> {
        running += 1;
        most = Math.max(most, running);
        await gate.promise;
        running -= 1;
        yield { key: "a", value: new Uint8Array() };
      },
    } as unknown as Store;
    const { loader, pages } = loaderOn(store);
    for (let load = 1; load <= LOADS_RUNNING_MAX * 2; load++) loader.add(load, all, 0, 0);
    await flush();
    expect(most).toBe(LOADS_RUNNING_MAX);
    gate.resolve();
    await flush();
    expect(pages).toHaveLength(LOADS_RUNNING_MAX * 2);
    expect(most).toBe(LOADS_RUNNING_MAX);
  });

  test("DU1 a failed read is told, and after the end nothing is", async () => {
    const store = await storeWith([["a", 1]]);
    const { loader, pages, failures } = loaderOn(store);
    loader.add(1, all, 0, 0);
    loader.end();
    await flush();
    expect(pages).toEqual([]);
    await store.close();
    const second = loaderOn(store);
    second.loader.add(1, all, 0, 0);
    await flush();
    expect(second.failures).toHaveLength(1);
    expect(failures).toEqual([]);
  });
});

test("DU1 core is restored from every row but diagnostics and audit entries, of which it gets the last, and from chains last", async () => {
  const keys = [
    "a",
    "audit-head",
    "audit/000000000001",
    "audit/000000000002",
    "audit/000000000003",
    "boot",
    "chain/reported/a/1/0",
    "final/reported/b",
    "robot-message/arm",
    "robot/arm",
    "\u{1F600}",
  ];
  const store = await storeWith(keys.map((key) => [key, 1] as const));
  const seen: string[] = [];
  for await (const row of restoreRows(store)) seen.push(row.key);
  expect(seen).toEqual([
    "a",
    "audit-head",
    "audit/000000000003",
    "boot",
    "final/reported/b",
    "robot/arm",
    "\u{1F600}",
    "chain/reported/a/1/0",
  ]);
});
