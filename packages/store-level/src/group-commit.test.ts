import { PulsemeshError, type StoreOp } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import {
  GROUP_BYTES_MAX,
  GROUP_COMMITS_MAX,
  GroupCommit,
  STORE_COMMITS_WAITING_MAX,
} from "./group-commit.ts";

/** A disk whose writes end when told to. */
function manualDisk() {
  const writes: { ops: readonly StoreOp[]; end: PromiseWithResolvers<void> }[] = [];
  const commits = new GroupCommit((ops) => {
    const end = Promise.withResolvers<void>();
    writes.push({ ops, end });
    return end.promise;
  });
  return { writes, commits };
}

const put = (key: string, bytes = 1): StoreOp => ({
  type: "put",
  key,
  value: new Uint8Array(bytes),
});
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("GroupCommit", () => {
  test("DU1 a commit on an idle store is written at once, without waiting for company", async () => {
    const { writes, commits } = manualDisk();
    void commits.commit([put("a")]);
    await Promise.resolve();
    await Promise.resolve();
    expect(writes).toHaveLength(1);
  });

  test("DU1 commits that arrive during a sync share the next one, in order", async () => {
    const { writes, commits } = manualDisk();
    const done: string[] = [];
    const commit = (key: string) => commits.commit([put(key)]).then(() => done.push(key));
    void commit("a");
    await settle();
    for (const key of ["b", "c", "d"]) void commit(key);
    await settle();
    expect(writes).toHaveLength(1);
    writes[0]!.end.resolve();
    await settle();
    expect(done).toEqual(["a"]);
    expect(writes[1]!.ops.map((op) => op.key)).toEqual(["b", "c", "d"]);
    writes[1]!.end.resolve();
    await settle();
    expect(done).toEqual(["a", "b", "c", "d"]);
  });

  test("DU1 a failed group fails itself and everything after it, not what came before", async () => {
    const { writes, commits } = manualDisk();
    const results: string[] = [];
    const commit = (key: string) =>
      commits.commit([put(key)]).then(
        () => results.push(`${key} ok`),
        (error: PulsemeshError) => results.push(`${key} ${error.code}`),
      );
    void commit("a");
    await settle();
    void commit("b");
    writes[0]!.end.resolve();
    await settle();
    void commit("c");
    writes[1]!.end.reject(new Error("IO error: Input/output error"));
    await settle();
    void commit("d");
    await settle();
    expect(results).toEqual(["a ok", "b store-failed", "c store-failed", "d store-failed"]);
    expect(writes).toHaveLength(2);
    await commits.idle();
  });

  test("DU1 GROUP_COMMITS_MAX commits share one sync at most", async () => {
    const { writes, commits } = manualDisk();
    for (let i = 0; i < GROUP_COMMITS_MAX + 1; i++) void commits.commit([put(`k${i}`)]);
    await settle();
    expect(writes[0]!.ops).toHaveLength(GROUP_COMMITS_MAX);
    writes[0]!.end.resolve();
    await settle();
    expect(writes[1]!.ops).toHaveLength(1);
  });

  test("DU1 GROUP_BYTES_MAX bytes share one sync at most, and a larger commit goes alone", async () => {
    const { writes, commits } = manualDisk();
    for (const bytes of [1, GROUP_BYTES_MAX + 1, GROUP_BYTES_MAX - 10, 8, 1])
      void commits.commit([put("k", bytes)]);
    for (let i = 0; i < 4; i++) {
      await settle();
      writes[i]?.end.resolve();
    }
    await commits.idle();
    const sizes = writes.map((write) =>
      write.ops.map((op) => (op.type === "put" ? op.value.length : 0)),
    );
    expect(sizes).toEqual([[1], [GROUP_BYTES_MAX + 1], [GROUP_BYTES_MAX - 10, 8], [1]]);
  });

  test("DU1 what is prepared sees the disk as it is before its own group", async () => {
    const { writes, commits } = manualDisk();
    void commits.commit([put("a")]);
    let writesThen = 0;
    void commits.commit([put("c")], () => {
      writesThen = writes.length;
      return Promise.resolve([put("b")]);
    });
    await settle();
    writes[0]!.end.resolve();
    await settle();
    expect(writesThen).toBe(1);
    expect(writes[1]!.ops.map((op) => op.key)).toEqual(["b", "c"]);
  });

  test("P6 STORE_COMMITS_WAITING_MAX commits may wait; one more fails like a disk", async () => {
    const { commits } = manualDisk();
    const results: Promise<unknown>[] = [];
    for (let i = 0; i < STORE_COMMITS_WAITING_MAX; i++)
      results.push(commits.commit([put("k")]).catch((error: unknown) => error));
    await expect(commits.commit([put("k")])).rejects.toMatchObject({ code: "store-failed" });
    expect(await results[0]).toBeInstanceOf(PulsemeshError);
  });
});
