import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { warnOfOpenDirectory } from "./open-directory.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-open-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("P5 a data directory that others may enter is a warning with what to type, a private one is none", () => {
  const said: string[] = [];
  const note = (_fields: object, message: string): void => void said.push(message);
  const logger = { debug: note, info: note, warn: note, error: note };
  chmodSync(dir, 0o700);
  warnOfOpenDirectory(dir, logger);
  expect(said).toEqual([]);
  chmodSync(dir, 0o750);
  warnOfOpenDirectory(dir, logger);
  expect(said).toEqual([expect.stringContaining(`chmod go= ${dir}`)]);
});
