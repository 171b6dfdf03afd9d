import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeMissing, prepareDataDirectory } from "./data-directory.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-data-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const unusable = expect.objectContaining({ code: "data-dir-unusable", changed: false });

test("P5 a directory that is missing is made private, and so are its missing parents", () => {
  const at = join(dir, "new", "deep");
  prepareDataDirectory(at);
  expect([modeOf(at), modeOf(join(dir, "new"))]).toEqual([0o700, 0o700]);
});

test("P5 each directory that is made is durable before what comes into it: the one around it is synced", () => {
  const synced: (readonly [string, boolean])[] = [];
  const at = join(dir, "new", "deep");
  const note = (around: string): void => void synced.push([around, existsSync(at)]);
  makeMissing(at, note);
  expect(synced).toEqual([
    [dir, false],
    [join(dir, "new"), true],
  ]);
  makeMissing(at, note);
  expect(synced).toHaveLength(2);
});

test("P5 a directory around it that may be entered and not read is no reason to make nothing", () => {
  chmodSync(dir, 0o300);
  asNobody(() => makeMissing(join(dir, "new")));
  chmodSync(dir, 0o700);
  expect(existsSync(join(dir, "new"))).toBe(true);
});

test("P5 the mode of a directory that exists is left alone", () => {
  chmodSync(dir, 0o755);
  prepareDataDirectory(dir);
  expect(modeOf(dir)).toBe(0o755);
  // What the node keeps in it is private all the same.
  expect(modeOf(join(dir, "store"))).toBe(0o700);
});

test("P5 a directory with files of something else is refused and left as it was", () => {
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, "thesis.txt"), "");
  expect(() => prepareDataDirectory(dir)).toThrow(unusable);
  expect(() => prepareDataDirectory(dir)).toThrow("'thesis.txt'");
  expect([modeOf(dir), readdirSync(dir)]).toEqual([0o755, ["thesis.txt"]]);
});

test.each(["node.key", "fleet.json", "store/CURRENT"])(
  "P5 a directory of a node (%s) may hold notes of its owner",
  (own) => {
    mkdirSync(join(dir, "store"));
    writeFileSync(join(dir, own), "");
    writeFileSync(join(dir, "notes.txt"), "");
    expect(() => prepareDataDirectory(dir)).not.toThrow();
  },
);

test("P5 an empty disk and a start that did not get far are as good as empty", () => {
  mkdirSync(join(dir, "lost+found"));
  mkdirSync(join(dir, "store"));
  writeFileSync(join(dir, "pid"), "1");
  expect(() => prepareDataDirectory(dir)).not.toThrow();
});

test("P5 a file, and a place where nothing can be made, are refused at once", () => {
  const file = join(dir, "file");
  writeFileSync(file, "");
  expect(() => prepareDataDirectory(file)).toThrow(unusable);
  expect(() => prepareDataDirectory(join(file, "x"))).toThrow(unusable);
});

test.skipIf(!existsSync("/proc/self"))("P5 a new directory under /proc is refused at once", () => {
  expect(() => prepareDataDirectory("/proc/nope/deep")).toThrow(unusable);
});

test("BK5 a directory whose restore was broken off is refused, whatever has arrived there", () => {
  mkdirSync(join(dir, ".restore-0a1b2c3d"));
  writeFileSync(join(dir, "node.key"), "");
  expect(() => prepareDataDirectory(dir)).toThrow("a restore to it was broken off");
});

test("P5 a directory that may only be read is refused", () => {
  chmodSync(dir, 0o500);
  asNobody(() => expect(() => prepareDataDirectory(dir)).toThrow(unusable));
  expect(readdirSync(dir)).toEqual([]);
});

/** No mode binds root: as root it is tried with the rights of nobody. */
function asNobody(act: () => void): void {
  if (process.geteuid?.() !== 0) return act();
  const nobody = 65_534;
  chownSync(dir, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    act();
  } finally {
    process.seteuid?.(0);
  }
}
