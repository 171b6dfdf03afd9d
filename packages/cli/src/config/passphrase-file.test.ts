import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPassphraseFile } from "./passphrase-file.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-passphrase-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function phraseOf(text: string, mode = 0o600): string {
  writeFileSync(join(dir, "phrase"), text);
  chmodSync(join(dir, "phrase"), mode);
  return readPassphraseFile(join(dir, "phrase"), "--passphrase-file");
}

test("ME6 a passphrase is one line, and only its line feed is not part of it", () => {
  expect(phraseOf("correct horse\n")).toBe("correct horse");
  expect(phraseOf(" correct hörse \r\n")).toBe(" correct hörse ");
  expect(phraseOf("correct horse")).toBe("correct horse");
  for (const bad of ["", "\n", "correct horse\nbattery\n", "correct horse\n\n"])
    expect(() => phraseOf(bad)).toThrow(
      expect.objectContaining({ code: "passphrase-file-invalid" }),
    );
  expect(() => readPassphraseFile(join(dir, "none"), "--passphrase-file")).toThrow("ENOENT");
});

test("ME6 a passphrase in a file has PASSPHRASE_LENGTH_MIN to PASSPHRASE_LENGTH_MAX characters", () => {
  expect(phraseOf("x".repeat(PASSPHRASE_LENGTH_MIN))).toHaveLength(PASSPHRASE_LENGTH_MIN);
  expect(phraseOf("x".repeat(PASSPHRASE_LENGTH_MAX))).toHaveLength(PASSPHRASE_LENGTH_MAX);
  expect(() => phraseOf("x".repeat(PASSPHRASE_LENGTH_MIN - 1))).toThrow("head -c 24 /dev/urandom");
  expect(() => phraseOf("x".repeat(PASSPHRASE_LENGTH_MAX + 1))).toThrow("1025 characters");
});

test("ME6 a passphrase file that every user may read is refused with what to type", () => {
  expect(() => phraseOf("correct horse battery", 0o644)).toThrow("chmod o= ");
});
