import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backUp, makeNodeFolder, rowsIn } from "./backup.test-support.ts";
import { openRestores } from "./broken-restore.ts";
import { readNodeFolder } from "./node-folder.ts";
import { restoreBackup } from "./restore-backup.ts";

let dir: string;
let data: string;
let file: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-restore-"));
  data = join(dir, "data");
  file = join(dir, "node.tar");
  await makeNodeFolder(data);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** As a restore that is killed leaves it. */
function breakRestore(path: string, ...names: readonly string[]): string {
  mkdirSync(path, { recursive: true });
  for (const name of names) writeFileSync(join(path, name), "half");
  return path;
}

test("BK5 what a restore has left that was killed, with keys in it, is taken away by the next one and named", async () => {
  await backUp(data, file);
  const target = join(dir, "target");
  const left = [
    breakRestore(`${target}.restore-12ab34cd`, "node.key", "fleet.json"),
    breakRestore(`${target}.restore-4194399-12ab34cd`, "node.key.0123456789ab", "pid"),
  ];
  mkdirSync(join(left[0] ?? "", "store"));
  const kept = [
    breakRestore(`${target}.restore-notes`, "node.key"),
    breakRestore(`${target}.restore-12ab34ce`, "diary"),
    breakRestore(join(dir, "other.restore-12ab34cd"), "node.key"),
    `${target}.restore-12ab34cf`,
    `${target}.restore-12ab34d0`,
  ];
  writeFileSync(kept[3] ?? "", "a file of somebody's");
  symlinkSync(left[0] ?? "", kept[4] ?? "");
  expect(openRestores(target).toSorted()).toEqual(left.toSorted());
  const removed: string[] = [];
  await restoreBackup(file, target, { onRemoved: (paths) => void removed.push(...paths) });
  expect(removed.toSorted()).toEqual(left.toSorted());
  expect(readdirSync(dir).toSorted()).toEqual(
    ["data", "node.tar", "target", ...kept.map((path) => basename(path))].toSorted(),
  );
  expect(await rowsIn(target)).toHaveLength(40);
});

test("BK5 a volume whose restore was killed is filled anew; one that was whole but for the end is left as it is", async () => {
  await backUp(data, file);
  const volume = join(dir, "volume");
  mkdirSync(join(volume, "lost+found"), { recursive: true });
  breakRestore(join(volume, ".restore-12ab34cd"), "node.key");
  breakRestore(join(volume, "store"), "000004.log");
  writeFileSync(join(volume, "fleet.json"), "half");
  await restoreBackup(file, volume);
  expect(await rowsIn(volume)).toHaveLength(40);
  const names = readdirSync(volume).toSorted();
  breakRestore(join(volume, ".restore-12ab34cd"));
  await expect(restoreBackup(file, volume)).rejects.toThrow("it is not empty");
  expect(readdirSync(volume).toSorted()).toEqual(names);
  expect(readNodeFolder(volume).node).toBe(readNodeFolder(data).node);
});

test("BK5 of a node's folder nothing is taken away, whatever lies in it", async () => {
  await backUp(data, file);
  breakRestore(join(data, ".restore-12ab34cd"), "node.key");
  const names = readdirSync(data, { recursive: true, encoding: "utf8" }).toSorted();
  const outcome: unknown = await restoreBackup(file, data).catch((error: unknown) => error);
  expect(outcome).toMatchObject({ code: "data-dir-unusable" });
  expect(readdirSync(data, { recursive: true, encoding: "utf8" }).toSorted()).toEqual(names);
});

test("BK5 a restore that is under way is not disturbed by another one, which is refused", async () => {
  await backUp(data, file);
  const target = join(dir, "target");
  const other = breakRestore(`${target}.restore-${process.ppid}-12ab34cd`, "node.key");
  const error: unknown = await restoreBackup(file, target).catch((each: unknown) => each);
  expect(error).toMatchObject({
    code: "data-dir-unusable",
    message: expect.stringContaining(`process ${process.ppid} seems to be filling ${other}`),
  });
  expect(readdirSync(other)).toEqual(["node.key"]);
});

test("BK5 CFG13 a volume that is open to others is closed before keys come into it, or left as it is when it is shared", async () => {
  await backUp(data, file);
  for (const [sharedData, mode] of [
    [false, 0o700],
    [true, 0o770],
  ] as const) {
    const volume = join(dir, `volume-${mode}`);
    mkdirSync(join(volume, "lost+found"), { recursive: true });
    chmodSync(volume, 0o770);
    await restoreBackup(file, volume, { sharedData });
    expect(statSync(volume).mode & 0o777).toBe(mode);
    const folder = join(dir, `folder-${mode}`);
    mkdirSync(folder);
    chmodSync(folder, 0o770);
    await restoreBackup(file, folder, { sharedData });
    expect(statSync(folder).mode & 0o777).toBe(mode);
  }
});
