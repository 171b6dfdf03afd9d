import { REVOCATIONS_BYTES_MAX } from "@pulsemesh/core";
import type { PulsemeshClient } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { checkAudit, checkStore } from "./doctor-store.ts";

const client = (calls: Partial<PulsemeshClient>): PulsemeshClient => calls as PulsemeshClient;
const metrics = (rows: number): string =>
  `# TYPE pulsemesh_store_corrupt_rows gauge\npulsemesh_store_corrupt_rows ${rows}\nother 1\n`;

test("CLI18 damage that the store has met fails, and says what to keep", async () => {
  const found = async (rows: number) =>
    await checkStore(client({ metrics: async () => metrics(rows) }));
  expect(await found(0)).toMatchObject([{ check: "store", result: "ok" }]);
  expect(await found(3)).toMatchObject([
    {
      result: "fail",
      detail: expect.stringContaining("3 "),
      next: expect.stringContaining("copy"),
    },
  ]);
  const full = `${metrics(9)}pulsemesh_store_discarded_rows 4\n`;
  expect(await checkStore(client({ metrics: async () => full }))).toMatchObject([
    { result: "fail", detail: expect.stringContaining("4 of them deleted") },
  ]);
  expect(await checkStore(client({ metrics: async () => "other 1" }))).toEqual([]);
});

test("CLI18 a bad audit log fails with its first bad entry; one that takes too long is a warning", async () => {
  const ok = client({ auditVerify: async () => ({ ok: true, size: 9, pruned: 0, head: "h" }) });
  expect(await checkAudit(ok)).toMatchObject([{ result: "ok", detail: "9 entries, all good" }]);
  const faults = [{ from: 4, to: 6, reason: "gap" }];
  const verdict = { ok: false, size: 9, pruned: 0, bad_index: 4, reason: "gap", faults } as const;
  expect(await checkAudit(client({ auditVerify: async () => verdict }))).toMatchObject([
    { result: "fail", detail: expect.stringContaining("entry 4 of 9 is bad (gap)") },
  ]);
  const slow = client({ auditVerify: async () => Promise.reject(new Error("aborted")) });
  expect(await checkAudit(slow)).toMatchObject([
    { result: "warn", next: "pulsemesh audit verify" },
  ]);
});

test("CLI18, ME1 what lacks of revoked members is a warning, a statement that cannot be read a failure, each with its number", async () => {
  const found = async (lines: string): ReturnType<typeof checkStore> =>
    await checkStore(client({ metrics: async () => `${metrics(0)}${lines}` }));
  expect(await found("pulsemesh_custody_missing_parts 2\n")).toMatchObject([
    { check: "store", result: "ok" },
    { check: "custody", result: "warn", detail: expect.stringContaining("2 ") },
  ]);
  expect(await found("pulsemesh_authority_bad_rows 3\n")).toMatchObject([
    { check: "store", result: "ok" },
    { check: "authority", result: "fail", detail: expect.stringContaining("3 ") },
  ]);
  const none = "pulsemesh_custody_missing_parts 0\npulsemesh_authority_bad_rows 0\n";
  expect(await found(none)).toHaveLength(1);
});

test("CLI18, ME1 revocations that take 80% of REVOCATIONS_BYTES_MAX are a warning, however few they are", async () => {
  const found = async (bytes: number): ReturnType<typeof checkStore> =>
    await checkStore(
      client({ metrics: async () => `${metrics(0)}pulsemesh_revocations_bytes ${bytes}\n` }),
    );
  const most = REVOCATIONS_BYTES_MAX;
  expect(await found(Math.floor(most * 0.79))).toHaveLength(1);
  expect(await found(Math.ceil(most * 0.8))).toMatchObject([
    { check: "store", result: "ok" },
    { check: "revocations", result: "warn", detail: expect.stringContaining(`at most ${most}`) },
  ]);
});
