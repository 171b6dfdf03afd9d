import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { START_S } from "../authority/enrolment.test-support.ts";
import { createFleetAuthority } from "../authority/fleet-authority.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { backUp, fillStore, makeNodeFolder, WALL_MS } from "./backup.test-support.ts";
import { encodeManifest } from "./backup-format.ts";
import { readNodeFolder } from "./node-folder.ts";
import { readBackup } from "./read-backup.ts";
import { restoreBackup } from "./restore-backup.ts";
import { storedRowsOf } from "./stored-rows.ts";
import { encodeTarHeader, paddingOf, TAIL_BYTES } from "./tar.ts";

let dir: string;
let data: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-member-backup-"));
  data = join(dir, "data");
  file = join(dir, "node.tar");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A backup as another release would have written it. */
async function writeTar(format: number, names: readonly string[]): Promise<void> {
  const { node, fleet } = readNodeFolder(data);
  const manifest = { format, node, fleet, made_at: new Date(WALL_MS).toISOString() };
  const rows: Uint8Array[] = [];
  for await (const portion of storedRowsOf(data)) rows.push(portion);
  const entries: readonly (readonly [string, Uint8Array])[] = [
    ["backup.json", encodeManifest(manifest)],
    ...names.map((name) => [name, readFileSync(join(data, name))] as const),
    ["store/000001.rows", Buffer.concat(rows)],
  ];
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const put = (name: string, bytes: Uint8Array): Buffer =>
    Buffer.concat([
      encodeTarHeader({ name, bytes: bytes.length }, WALL_MS),
      bytes,
      new Uint8Array(paddingOf(bytes.length)),
    ]);
  const before = Buffer.concat(entries.map(([name, bytes]) => put(name, bytes)));
  const lines = entries.map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`).join("");
  const sums = put("checksums.txt", Buffer.from(`${lines}# ${sha256(before)}\n`));
  writeFileSync(file, Buffer.concat([before, sums, new Uint8Array(TAIL_BYTES)]));
}

test.each([
  ["beside it", "stick", []],
  ["in its folder root, where a start leaves them", "data/root", []],
  ["in the same folder", "data", ["fleet-root.key", "fleet-root-next.key", "root-statements.json"]],
])(
  "BK4 ME6 a restored node is the member and issuer that it was, with the root's keys %s, and opens no invite again",
  async (_where, root, ofRoot) => {
    await fillStore(data, 1);
    await createFleetAuthority({
      dir: data,
      rootDir: join(dir, root),
      region: "eu",
      nowS: START_S,
    });
    writeFileSync(join(data, "invites.json"), "{}");
    await backUp(data, file);
    const { files, manifest } = await readBackup(file);
    expect(manifest.format).toBe(2);
    const ofNode = [
      "audit.key",
      "authority.json",
      "cosign.key",
      "fleet.json",
      "issuer.key",
      "node.key",
    ];
    expect(files.toSorted()).toEqual([...ofNode, ...ofRoot].toSorted());
    const target = join(dir, "restored");
    await restoreBackup(file, target);
    for (const name of files)
      expect([name, readFileSync(join(target, name))]).toEqual([
        name,
        readFileSync(join(data, name)),
      ]);
    expect(readdirSync(target)).not.toContain("invites.json");
  },
);

test("BK4 a backup of format 1 is read as before, and nothing of format 2 has a place in it", async () => {
  await makeNodeFolder(data);
  const names = ["node.key", "fleet.json", "fleet-root.key"];
  await writeTar(1, names);
  expect((await readBackup(file)).files).toEqual(names);
  await restoreBackup(file, join(dir, "restored"));
  writeFileSync(join(data, "issuer.key"), "x");
  await writeTar(2, [...names, "issuer.key"]);
  expect((await readBackup(file)).files).toContain("issuer.key");
  await writeTar(1, [...names, "issuer.key"]);
  expect(await codeOf(readBackup(file))).toBe("backup-damaged");
  writeFileSync(join(data, "invites.json"), "{}");
  await writeTar(2, [...names, "invites.json"]);
  await expect(readBackup(file)).rejects.toThrow("invites.json has no place in it");
});
