import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf } from "./code-of.test-support.ts";
import { FOLDER_CLAIM_OLD_MS, isFolderClaim, withFolderClaim } from "./folder-claim.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-claim-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** One that another process has put up. */
function claimOf(pid: number, ageMs: number, where: string = host): void {
  const path = join(dir, `claim-${where}-${pid}-0123456789ab`);
  writeFileSync(path, "");
  const at = new Date(Date.now() - ageMs);
  utimesSync(path, at, at);
}
const enter = (): Promise<string> => codeOf(withFolderClaim(dir, () => Promise.resolve()));

test("ME6 one process at a time works in a folder, and leaves nothing there", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = withFolderClaim(dir, () => promise);
  expect(readdirSync(dir).every(isFolderClaim)).toBe(true);
  expect(await enter()).toBe("store-locked");
  resolve();
  await first;
  expect(await enter()).toBe("none");
  expect(await codeOf(withFolderClaim(dir, () => Promise.reject(new Error("died"))))).toBe("died");
  expect(readdirSync(dir)).toEqual([]);
});

test("ME6 P5 a claim of who is dead, or that nobody renewed for FOLDER_CLAIM_OLD_MS, keeps nobody out", async () => {
  const nobody = 2 ** 22 + 1;
  claimOf(nobody, 0);
  expect(await enter()).toBe("none");
  for (const [ageMs, code] of [
    [FOLDER_CLAIM_OLD_MS - 5_000, "store-locked"],
    [FOLDER_CLAIM_OLD_MS + 1_000, "none"],
    [-FOLDER_CLAIM_OLD_MS - 1_000, "none"],
  ] as const) {
    claimOf(nobody, ageMs, "0badcafe");
    expect([ageMs, await enter()]).toEqual([ageMs, code]);
  }
  expect(readdirSync(dir)).toEqual([]);
});

test("ME6 a folder that cannot be written to is said to be one", async () => {
  expect(await codeOf(withFolderClaim(join(dir, "none"), () => Promise.resolve()))).toBe(
    "data-dir-unusable",
  );
});
