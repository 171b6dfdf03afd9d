import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeNewFile } from "./new-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-new-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("CFG7 a config file that a full disk cut off does not stay, and is not blamed for it", () => {
  const path = join(folder, "pulsemesh.yaml");
  const full = (): void => {
    throw new Error("ENOSPC: no space left on device, write");
  };
  expect(() => writeNewFile(path, "a: 1", full)).toThrow("no space left on device");
  expect(existsSync(path)).toBe(false);
  writeNewFile(path, "a: 1");
  expect(() => writeNewFile(path, "b: 2")).toThrow("there is a file already, which is kept");
  expect(readFileSync(path, "utf8")).toBe("a: 1");
});
