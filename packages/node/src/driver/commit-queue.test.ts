import { PulsemeshError, type StoreOp } from "@pulsemesh/core";
import { SimulatedDisk, SimulatedStore, VirtualClock } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { CommitQueue, FULL_RETRY_EVERY_MS, WAITING_BYTES_MAX } from "./commit-queue.ts";

const put = (key: string, bytes = 1): readonly StoreOp[] => [
  { type: "put", key, value: new Uint8Array(bytes) },
];
const flush = () => new Promise<void>((resolve) => setImmediate(resolve));

function queueOn(
  store: SimulatedStore,
  told: string[],
  time: VirtualClock = new VirtualClock(),
): CommitQueue {
  return new CommitQueue({
    store,
    clock: {
      now: () => ({ monoMs: time.nowMs, wallMs: 0 }),
      after(delayMs, run) {
        let isOff = false;
        time.call(time.nowMs + delayMs, () => isOff || run());
        return () => {
          isOff = true;
        };
      },
      afterSockets: (run) => time.call(time.nowMs, run),
    },
    durable: (commit) => told.push(`durable ${commit}`),
    full: (error) => told.push(`full ${error.code}`),
    recovered: () => told.push("recovered"),
    failed: (error) => told.push(`failed ${error.code}`),
  });
}

async function queueOnDisk() {
  const disk = new SimulatedDisk({ random: () => 0 });
  const store = new SimulatedStore(disk);
  await store.open();
  const time = new VirtualClock();
  const told: string[] = [];
  const queue = queueOn(store, told, time);
  /** Lets the disk be tried again. */
  const retry = async () => {
    await flush();
    time.runUntil(time.nowMs + FULL_RETRY_EVERY_MS);
    await flush();
  };
  return { disk, store, queue, told, retry };
}

describe("CommitQueue", () => {
  test("DU1 tells in order what is durable", async () => {
    const { queue, told } = await queueOnDisk();
    queue.add(1, put("a"));
    queue.add(2, put("b"));
    expect(queue.waiting).toBe(2);
    await queue.idle();
    expect(told).toEqual(["durable 1", "durable 2"]);
    expect(queue.durable).toBe(2);
  });

  test("DU1 tells of the last of those that became durable together", async () => {
    const { disk, queue, told } = await queueOnDisk();
    const together = Promise.withResolvers<void>();
    const store = new SimulatedStore(disk);
    store.commit = () => together.promise;
    const grouped = queueOn(store, told);
    for (const commit of [1, 2, 3]) grouped.add(commit, put("a"));
    together.resolve();
    await grouped.idle();
    expect(told).toEqual(["durable 3"]);
    expect(queue.waiting).toBe(0);
  });

  test("DU3 on a full disk everything is kept in order, tried every second, and told durable once there is space", async () => {
    const { disk, queue, told, retry } = await queueOnDisk();
    disk.failWrites("store-full");
    queue.add(1, put("a", 1));
    queue.add(2, put("b", 1));
    await retry();
    queue.add(3, put("a", 2));
    await retry();
    expect(told).toEqual(["full store-full"]);
    await queue.idle();
    disk.failWrites(undefined);
    await retry();
    expect(told.filter((text) => !text.startsWith("durable"))).toEqual([
      "full store-full",
      "recovered",
    ]);
    expect(told.slice(-2)).toEqual(["recovered", "durable 3"]);
    expect(disk.get("a")).toHaveLength(2);
    queue.add(4, put("c"));
    await queue.idle();
    expect(told.at(-1)).toBe("durable 4");
  });

  test("DU3 CH1 whoever took the folder meanwhile is no full disk: nothing more is written under this key", async () => {
    const { disk, store, queue, told, retry } = await queueOnDisk();
    disk.failWrites("store-full");
    queue.add(1, put("a"));
    await flush();
    store.open = () => Promise.reject(new PulsemeshError("store-locked", "process 7 has it"));
    await retry();
    expect(told).toEqual(["full store-full", "failed store-locked"]);
  });

  test("DU3 the disk can be full again and again", async () => {
    const { disk, queue, told, retry } = await queueOnDisk();
    for (const commit of [1, 2]) {
      disk.failWrites("store-full");
      queue.add(commit, put("a"));
      await retry();
      disk.failWrites(undefined);
      await retry();
    }
    expect(told).toEqual([
      "full store-full",
      "recovered",
      "durable 1",
      "full store-full",
      "recovered",
      "durable 2",
    ]);
  });

  test("DU1 any other failure ends the queue, told once", async () => {
    const { disk, queue, told, retry } = await queueOnDisk();
    disk.failWrites("store-failed");
    queue.add(1, put("a"));
    queue.add(2, put("b"));
    await retry();
    disk.failWrites(undefined);
    queue.add(3, put("c"));
    await retry();
    expect(told).toEqual(["failed store-failed"]);
    expect(disk.get("c")).toBeUndefined();
    await queue.idle();
  });

  test("P6 more than WAITING_BYTES_MAX on a full disk is given up", async () => {
    const { disk, queue, told, retry } = await queueOnDisk();
    disk.failWrites("store-full");
    queue.add(1, put("a", WAITING_BYTES_MAX - 1));
    await retry();
    expect(told).toEqual(["full store-full"]);
    queue.add(2, put("b"));
    expect(told).toEqual(["full store-full", "failed store-full"]);
  });

  test("DU3 an ended queue tries a full disk no more", async () => {
    const { disk, queue, told, retry } = await queueOnDisk();
    disk.failWrites("store-full");
    queue.add(1, put("a"));
    await flush();
    queue.end();
    disk.failWrites(undefined);
    await retry();
    expect(told).toEqual(["full store-full"]);
    expect(disk.get("a")).toBeUndefined();
  });
});
