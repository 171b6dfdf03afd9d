import {
  chmodSync,
  chownSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkDirectoryModes, checkDirectoryOf, refuseForeign } from "./open-directory.ts";

let dir: string;
let said: string[];
const note = (_fields: object, message: string): void => void said.push(message);
const logger = { debug: note, info: note, warn: note, error: note };

beforeEach(() => {
  said = [];
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-open-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test.each([0o750, 0o701, 0o755, 0o777])(
  "P5 CFG13 a data directory of mode %o is refused with what to type",
  (mode) => {
    chmodSync(dir, mode);
    expect(() => checkDirectoryModes(dir, false, logger)).toThrow(
      expect.objectContaining({
        code: "data-dir-open",
        message: expect.stringContaining(`chmod go= ${dir}`),
      }),
    );
  },
);

test.each(["fleet-root", "fleet-root-next", "issuer", "audit", "cosign"])(
  "ME6 CFG13 %s.key that others may read is refused, too",
  (name) => {
    const path = join(dir, `${name}.key`);
    writeFileSync(path, "");
    chmodSync(path, 0o604);
    expect(() => checkDirectoryModes(dir, false, logger)).toThrow(`chmod go= ${path}`);
  },
);

test("P5 CFG13 a private directory, one that is not there yet, and keys for the owner alone are fine", () => {
  chmodSync(dir, 0o700);
  writeFileSync(join(dir, "node.key"), "", { mode: 0o600 });
  checkDirectoryModes(dir, false, logger);
  checkDirectoryModes(join(dir, "later"), false, logger);
  expect(said).toEqual([]);
});

test("P5 CFG13 a key that others may read is refused, in a private directory too; all that is open is named at once", () => {
  chmodSync(dir, 0o700);
  writeFileSync(join(dir, "node.key"), "");
  chmodSync(join(dir, "node.key"), 0o640);
  expect(() => checkDirectoryModes(dir, false, logger)).toThrow(`chmod go= ${dir}/node.key`);
  chmodSync(dir, 0o755);
  expect(() => checkDirectoryModes(dir, false, logger)).toThrow(`chmod go= ${dir} ${dir}/node.key`);
});

test("CFG13 a directory that is shared on purpose is a warning", () => {
  chmodSync(dir, 0o770);
  checkDirectoryModes(dir, true, logger);
  expect(said).toEqual([expect.stringContaining(`chmod go= ${dir}`)]);
});

test("CFG13 a link is as open as what it leads to; a path that a shell would take apart is quoted", () => {
  const odd = join(dir, "it's mine");
  symlinkSync(dir, odd);
  checkDirectoryModes(odd, false, logger);
  chmodSync(dir, 0o755);
  expect(() => checkDirectoryModes(odd, false, logger)).toThrow(`chmod go= '${dir}/it'\\''s mine'`);
});

test("CFG13 who makes keys without starting the node refuses what a start would, unless it is shared on purpose", () => {
  chmodSync(dir, 0o755);
  const open = expect.objectContaining({ code: "data-dir-open" });
  expect(() => checkDirectoryOf(dir, false)).toThrow(open);
  checkDirectoryOf(dir, true);
  chmodSync(dir, 0o700);
  checkDirectoryOf(dir, false);
});

test("CFG13 root makes no keys in the folder of another user, who could not read them", () => {
  if (process.getuid?.() === 0) chownSync(dir, 65_534, 65_534);
  const { uid } = statSync(dir);
  expect(() => refuseForeign(dir, 0)).toThrow(
    expect.objectContaining({
      code: "data-dir-unusable",
      message: expect.stringContaining(`sudo -u '#${uid}'`),
    }),
  );
  // Whoever is not root can write where he may, and finds out.
  refuseForeign(dir, uid);
  refuseForeign(dir, uid + 1);
  refuseForeign(join(dir, "later"), 0);
});
