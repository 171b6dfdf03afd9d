import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFormatNote, RELEASE_LENGTH_MAX, writeFormatNote } from "./format-file.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-format-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("UP2 what is noted is read again, and is for the owner alone", () => {
  writeFormatNote(dir, { format: 3, release: "pulsemesh/1.2.3" });
  expect(readFormatNote(dir)).toEqual({ format: 3, release: "pulsemesh/1.2.3" });
  expect(statSync(join(dir, "format.json")).mode & 0o777).toBe(0o600);
});

test("UP2 P6 a note that is missing or damaged says nothing; of a release RELEASE_LENGTH_MAX characters are told", () => {
  expect(readFormatNote(dir)).toBeUndefined();
  for (const text of ["", "{", "7", "null", '{"format":"3","release":"r"}', '{"format":3}']) {
    writeFileSync(join(dir, "format.json"), text);
    expect(readFormatNote(dir)).toBeUndefined();
  }
  writeFormatNote(dir, { format: 3, release: "r".repeat(RELEASE_LENGTH_MAX + 1) });
  expect(readFormatNote(dir)?.release).toHaveLength(RELEASE_LENGTH_MAX);
});
