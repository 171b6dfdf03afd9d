import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkDataFolder } from "./doctor-machine.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-machine-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("ME6 CLI43 what a killed write has left beside a key is named with what to do, a write under way is not", async () => {
  const [old, young] = ["0123456789ab", "ba9876543210"].map((hex) => join(dir, `node.key.${hex}`));
  for (const path of [old, young]) writeFileSync(path ?? "", "secret", { mode: 0o600 });
  const hoursAgoS = Date.now() / 1_000 - 7_200;
  utimesSync(old ?? "", hoursAgoS, hoursAgoS);
  expect(await checkDataFolder(dir)).toMatchObject([
    { check: "data", result: "ok" },
    { check: "data", result: "warn", detail: expect.stringContaining(old ?? "") },
  ]);
});
