import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareUtf8 } from "./compare-utf8.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { storeContract } from "./store-contract.ts";

storeContract("SimulatedStore", async () => {
  const disk = new SimulatedDisk({ random: () => 0.5 });
  const store = new SimulatedStore(disk);
  await store.open();
  return {
    store,
    async crash() {
      store.crash({ tear: true });
      const next = new SimulatedStore(disk);
      await next.open();
      return next;
    },
    corruptRow: (key) => Promise.resolve(disk.corruptRow(key)),
    failWrites: (code) => disk.failWrites(code),
    dispose: () => store.close(),
  };
});

/** Acknowledges ten commits, lets two more wait, pulls the plug, and tells how many keys are left. */
async function keysAfterPowerCut(options: {
  sync: boolean;
  tear: boolean;
  random: number;
}): Promise<number> {
  const disk = new SimulatedDisk({ random: () => options.random, sync: options.sync });
  const store = new SimulatedStore(disk);
  await store.open();
  for (let i = 0; i < 10; i++)
    await store.commit([{ type: "put", key: `k${i}`, value: new Uint8Array(1) }]);
  void store.commit([{ type: "put", key: "k10", value: new Uint8Array(1) }]);
  void store.commit([{ type: "put", key: "k11", value: new Uint8Array(1) }]);
  store.crash({ tear: options.tear });
  return disk.scan({ gte: "", lt: "z" }).length;
}

describe("SimulatedDisk", () => {
  test("P5 a power cut takes everything that was not synced and nothing that was", async () => {
    expect(await keysAfterPowerCut({ sync: true, tear: false, random: 0 })).toBe(10);
  });

  test("P5 a store that never syncs loses what it acknowledged: the disk shows it", async () => {
    expect(await keysAfterPowerCut({ sync: false, tear: false, random: 0 })).toBe(0);
    expect(await keysAfterPowerCut({ sync: false, tear: true, random: 0.5 })).toBe(6);
  });

  test("P5 tearing keeps some of the oldest unsynced writes and drops the torn one whole", async () => {
    expect(await keysAfterPowerCut({ sync: true, tear: true, random: 0.4 })).toBe(10);
    expect(await keysAfterPowerCut({ sync: true, tear: true, random: 0.6 })).toBe(11);
    const disk = new SimulatedDisk({ random: () => 0.9 });
    for (const key of ["a", "b"]) {
      disk.append([
        { type: "put", key: `${key}1`, value: new Uint8Array(1) },
        { type: "put", key: `${key}2`, value: new Uint8Array(1) },
      ]);
    }
    expect(disk.unsyncedWrites).toBe(2);
    expect(disk.crash({ tear: true })).toEqual({ keptWrites: 1, lostWrites: 1, torn: true });
    expect(disk.scan({ gte: "", lt: "z" }).map((row) => row.key)).toEqual(["a1", "a2"]);
    expect(disk.crash({ tear: true })).toEqual({ keptWrites: 0, lostWrites: 0, torn: false });
  });

  test("DU1 sync covers only as many of the oldest writes as asked for", () => {
    const disk = new SimulatedDisk({ random: () => 0 });
    for (const key of ["a", "b"]) disk.append([{ type: "put", key, value: new Uint8Array(1) }]);
    disk.sync(1);
    disk.crash();
    expect(disk.get("a")).toBeDefined();
    expect(disk.get("b")).toBeUndefined();
  });
});

describe("SimulatedStore", () => {
  test("DU1 what arrives while a sync is under way is acknowledged by the next one", async () => {
    const scheduled: (() => void)[] = [];
    const store = new SimulatedStore(new SimulatedDisk({ random: () => 0 }), {
      schedule: (run) => scheduled.push(run),
    });
    await store.open();
    const acknowledged: string[] = [];
    const commit = (key: string) =>
      store
        .commit([{ type: "put", key, value: new Uint8Array(1) }])
        .then(() => acknowledged.push(key));
    void commit("a");
    void commit("b");
    scheduled.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
    expect(acknowledged).toEqual(["a"]);
    scheduled.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
    expect(acknowledged).toEqual(["a", "b"]);
    expect(scheduled).toEqual([]);
  });
});

test("DU1 a range is what a map of all writes would give, whatever was put, deleted, synced and lost", () => {
  const random = new SeededRandom(7);
  const disk = new SimulatedDisk({ random: () => random.unit() });
  let all = new Map<string, number>();
  let durable = new Map<string, number>();
  const keys = Array.from({ length: 40 }, (_, index) => `${index % 3}/${index}`).concat(
    "\uffff",
    "\u{10000}",
  );
  for (let step = 0; step < 2_000; step++) {
    const key = random.pick(keys);
    if (random.chance(0.3)) {
      disk.append([{ type: "del", key }]);
      all.delete(key);
    } else {
      disk.append([{ type: "put", key, value: Uint8Array.of(step % 256) }]);
      all.set(key, step % 256);
    }
    if (random.chance(0.2)) {
      disk.sync();
      durable = new Map(all);
    }
    if (random.chance(0.02)) {
      disk.crash();
      all = new Map(durable);
    }
    const gte = random.pick(keys);
    const lt = random.pick(keys);
    const limit = 1 + random.integer(20);
    const reverse = random.chance(0.5);
    const expected = [...all]
      .filter(([name]) => compareUtf8(name, gte) >= 0 && compareUtf8(name, lt) < 0)
      .toSorted(([a], [b]) => compareUtf8(a, b) * (reverse ? -1 : 1))
      .slice(0, limit);
    const found = disk.scan({ gte, lt, limit, reverse });
    expect(found.map((row) => [row.key, row.value[0]])).toEqual(expected);
  }
});

test("compareUtf8 orders texts as their UTF-8 bytes", () => {
  const texts = fc.array(
    fc.constantFrom(
      "",
      "a",
      "b",
      "\u00e9",
      "\ud7ff",
      "\ue000",
      "\uffff",
      "\u{10000}",
      "\u{10ffff}",
    ),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(texts, texts, (left, right) => {
      const [a, b] = [left.join(""), right.join("")];
      const bytes = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      return Math.sign(compareUtf8(a, b)) === bytes;
    }),
  );
});
