import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dagCborCodec, PulsemeshError, STORE_FORMAT, type StoreRow } from "@pulsemesh/core";
import { createLevelStore } from "@pulsemesh/store-level";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backUp, fillStore, makeNodeFolder, rowsIn, WALL_MS } from "./backup.test-support.ts";
import { openBackupFile } from "./backup-file.ts";
import {
  BACKUP_FORMAT,
  decodeManifest,
  encodeManifest,
  PART_BYTES,
  PRIVATE_FILE_BYTES_MAX,
} from "./backup-format.ts";
import { readNodeFolder } from "./node-folder.ts";
import { CHECKSUMS_BYTES_MAX, readBackup } from "./read-backup.ts";
import { restoreBackup } from "./restore-backup.ts";
import { encodeRows, ROW_BYTES_MAX, RowDecoder } from "./row-frames.ts";
import { storedRowsOf } from "./stored-rows.ts";
import { encodeTarHeader } from "./tar.ts";
import { writeBackup } from "./write-backup.ts";

let dir: string;
let data: string;
let file: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-backup-"));
  data = join(dir, "data");
  file = join(dir, "node.tar");
  await makeNodeFolder(data);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Mounting takes rights that a test may lack. */
function canBind(): boolean {
  const { status } = spawnSync("unshare", ["-m", "sh", "-c", "mount --bind /tmp /tmp"]);
  return status === 0;
}

async function* only(...rows: readonly StoreRow[]): AsyncGenerator<StoreRow> {
  yield* rows;
}

async function* portionsOf(...portions: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* portions;
}

async function framesOf(...rows: readonly StoreRow[]): Promise<Buffer> {
  const portions: Uint8Array[] = [];
  for await (const portion of encodeRows(only(...rows))) portions.push(portion);
  return Buffer.concat(portions);
}

describe("a backup", () => {
  test("BK4 BK5 brings back the keys, the fleet and every row, in a folder for its owner alone", async () => {
    await backUp(data, file);
    const content = await readBackup(file);
    expect(content).toMatchObject({
      rows: 40,
      files: ["node.key", "fleet.json", "fleet-root.key"],
    });
    const target = join(dir, "restored");
    await restoreBackup(file, target);
    expect(await rowsIn(target)).toEqual(await rowsIn(data));
    for (const name of content.files) {
      expect(readFileSync(join(target, name))).toEqual(readFileSync(join(data, name)));
      expect(statSync(join(target, name)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(target).mode & 0o777).toBe(0o700);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir).toSorted()).toEqual(["data", "node.tar", "restored"]);
  });

  test("BK4 is read by tar, and its checksums by sha256sum", async () => {
    await backUp(data, file);
    const out = join(dir, "out");
    mkdirSync(out);
    execFileSync("tar", ["xf", file, "-C", out]);
    const said = execFileSync("sha256sum", ["-c", "checksums.txt"], { cwd: out }).toString();
    expect(said).toContain("store/000001.rows: OK");
    expect(readFileSync(join(out, "node.key"))).toEqual(readFileSync(join(data, "node.key")));
  });

  test("BK4 P6 of a large store has parts of PART_BYTES, of which one is in memory at a time", async () => {
    await fillStore(data, 300, 10_000);
    await backUp(data, file);
    const names = execFileSync("tar", ["tf", file]).toString().trim().split("\n");
    expect(names.filter((name) => name.startsWith("store/")).length).toBe(
      Math.ceil((300 * 10_000) / PART_BYTES),
    );
    expect((await readBackup(file)).rows).toBe(300);
  });

  test("BK4 that was cut, wherever, is refused with the place", async () => {
    await backUp(data, file);
    const whole = readFileSync(file);
    for (let bytes = 0; bytes < whole.length; bytes += 331) {
      writeFileSync(file, whole.subarray(0, bytes));
      await expect(readBackup(file)).rejects.toMatchObject({
        code: "backup-damaged",
        message: expect.stringMatching(new RegExp(`cut at byte ${bytes}, within `)),
      });
    }
  });

  test("BK4 of which one byte was changed, wherever, is refused, and a part names itself", async () => {
    await backUp(data, file);
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 127) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      writeFileSync(file, changed);
      const outcome = await readBackup(file).then(
        () => "read",
        (error: unknown) => (error instanceof PulsemeshError ? error.code : String(error)),
      );
      expect(["backup-damaged", "store-newer"], `byte ${at}`).toContain(outcome);
    }
    const changed = Buffer.from(whole);
    const inKey = whole.indexOf("CAESQ");
    changed[inKey + 30] = (changed[inKey + 30] ?? 0) ^ 0x01;
    writeFileSync(file, changed);
    await expect(readBackup(file)).rejects.toThrow("node.key was changed");
    writeFileSync(file, Buffer.concat([whole, Buffer.from("x")]));
    await expect(readBackup(file)).rejects.toThrow("there is more behind byte");
  });

  test("BK4 of a later format is refused by name, and nothing is left behind", async () => {
    const manifest = { format: BACKUP_FORMAT + 1, node: "n", fleet: "f", made_at: "t" };
    expect(() => decodeManifest(encodeManifest(manifest))).toThrow(
      expect.objectContaining({ code: "store-newer" }),
    );
    const bytes = encodeManifest(manifest);
    const header = encodeTarHeader({ name: "backup.json", bytes: bytes.length }, WALL_MS);
    const padding = new Uint8Array(512 - bytes.length);
    writeFileSync(file, Buffer.concat([header, bytes, padding]));
    await expect(restoreBackup(file, join(dir, "restored"))).rejects.toMatchObject({
      code: "store-newer",
    });
    expect(readdirSync(dir).toSorted()).toEqual(["data", "node.tar"]);
  });

  test("BK4 P6 with a file beyond PRIVATE_FILE_BYTES_MAX or CHECKSUMS_BYTES_MAX is refused before it is read", async () => {
    for (const [name, bytesMax] of [
      ["node.key", PRIVATE_FILE_BYTES_MAX],
      ["checksums.txt", CHECKSUMS_BYTES_MAX],
    ] as const) {
      writeFileSync(file, encodeTarHeader({ name, bytes: bytesMax + 1 }, WALL_MS));
      await expect(readBackup(file)).rejects.toThrow(`${name} at byte 0 is too long`);
      writeFileSync(file, encodeTarHeader({ name, bytes: bytesMax }, WALL_MS));
      await expect(readBackup(file)).rejects.toThrow("it is cut at byte 512");
    }
  });

  test("BK4 that is broken off leaves no file, and one that was there before as it was", async () => {
    writeFileSync(file, "before");
    const frames = await framesOf({ key: "a", value: new Uint8Array(3) });
    const brokenOff = portionsOf(frames.subarray(0, 20));
    const draft = await openBackupFile(file);
    await expect(
      writeBackup(readNodeFolder(data), brokenOff, draft.write, WALL_MS),
    ).rejects.toThrow("they break off after row 1");
    await draft.discard();
    expect(readFileSync(file, "utf8")).toBe("before");
    expect(readdirSync(dir).toSorted()).toEqual(["data", "node.tar"]);
  });

  test("BK4 is written to a plain file only: nothing else takes its name, and a link stays one", async () => {
    const pipe = join(dir, "pipe");
    execFileSync("mkfifo", [pipe]);
    const dangling = join(dir, "dangling");
    symlinkSync(join(dir, "nothing"), dangling);
    for (const path of [pipe, data, "/dev/null", dangling]) {
      await expect(openBackupFile(path)).rejects.toMatchObject({
        code: "backup-unwritable",
        message: expect.stringContaining(`Cannot write ${path}: `),
      });
    }
    expect(statSync(pipe).isFIFO()).toBe(true);
    const safe = join(dir, "safe");
    mkdirSync(safe);
    writeFileSync(join(safe, "node.tar"), "before");
    symlinkSync(join(safe, "node.tar"), file);
    await backUp(data, file);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect((await readBackup(join(safe, "node.tar"))).rows).toBe(40);
    expect(readdirSync(safe)).toEqual(["node.tar"]);
  });

  test("BK4 there is none of a folder without a store, which a backup of nothing would hide", async () => {
    rmSync(join(data, "store"), { recursive: true });
    await expect(backUp(data, file)).rejects.toMatchObject({
      code: "data-dir-unusable",
      message: expect.stringContaining("there is no store"),
    });
    expect(readdirSync(data)).not.toContain("store");
  });

  test("BK4 UP3 of a store that an earlier release has left leaves it as it is, whatever the note beside it says", async () => {
    const earlier = join(dir, "earlier");
    const old = createLevelStore({ dir: earlier, format: 1 });
    await old.open();
    await old.commit([{ type: "put", key: "left/n", value: dagCborCodec.encode(7) }]);
    await old.close();
    for (const name of ["node.key", "fleet.json"])
      writeFileSync(join(earlier, name), readFileSync(join(data, name)), { mode: 0o600 });
    for (const note of [undefined, { format: STORE_FORMAT - 1, release: "pulsemesh/0.1.0" }]) {
      const of = note === undefined ? earlier : data;
      if (note !== undefined) writeFileSync(join(of, "format.json"), JSON.stringify(note));
      const draft = await openBackupFile(file);
      await writeBackup(readNodeFolder(of), storedRowsOf(of), draft.write, WALL_MS);
      await draft.finish();
      expect((await readBackup(file)).rowsFormat).toBe(note === undefined ? 1 : STORE_FORMAT);
    }
    const again = createLevelStore({ dir: earlier, format: 1 });
    await again.open();
    expect(await again.get("left/n")).toEqual(dagCborCodec.encode(7));
    await again.close();
  });

  test("BK4 a directory in its place is refused by name", async () => {
    await expect(readBackup(data)).rejects.toMatchObject({
      code: "option-invalid",
      message: expect.stringContaining("it is a directory"),
    });
  });

  test.runIf(canBind())(
    "BK5 a volume that is a part of the same disk is filled from within",
    async () => {
      await backUp(data, file);
      const target = join(dir, "volume");
      // A namespace of its own, so that nothing stays mounted whatever happens.
      const script = `
      mkdir disk volume && mount --bind disk volume
      exec "$0" --input-type=module -e '
        import { restoreBackup } from "'"$1"'";
        await restoreBackup("node.tar", "volume");
        process.exit(0);'`;
      const module = new URL("restore-backup.ts", import.meta.url).href;
      const args = ["-m", "sh", "-ec", script, process.execPath, module];
      execFileSync("unshare", args, { cwd: dir });
      expect(readdirSync(target)).toEqual([]);
      expect(readdirSync(join(dir, "disk"))).toContain("node.key");
      expect(await rowsIn(join(dir, "disk"))).toHaveLength(40);
    },
  );

  test("BK5 a folder is filled where a link to it leads", async () => {
    await backUp(data, file);
    const [target, link] = [join(dir, "target"), join(dir, "link")];
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, link);
    await restoreBackup(file, link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(await rowsIn(target)).toHaveLength(40);
  });

  test("BK5 that is interrupted leaves nothing behind", async () => {
    await backUp(data, file);
    const target = join(dir, "target");
    const aborted = AbortSignal.abort(new Error("interrupted"));
    await expect(restoreBackup(file, target, { signal: aborted })).rejects.toThrow("interrupted");
    expect(readdirSync(dir).toSorted()).toEqual(["data", "node.tar"]);
  });

  test.runIf(process.getuid?.() === 0).each(["empty", "lost+found"])(
    "BK5 a folder that belongs to somebody else still does when it is filled: %s",
    async (inside) => {
      await backUp(data, file);
      const target = join(dir, "service");
      mkdirSync(inside === "empty" ? target : join(target, inside), { recursive: true });
      chownSync(target, 12_345, 12_346);
      await restoreBackup(file, target);
      for (const name of ["", "node.key", "store", "store/CURRENT"]) {
        const { uid, gid } = statSync(join(target, name));
        expect([name, uid, gid]).toEqual([name, 12_345, 12_346]);
      }
    },
  );

  test("BK5 a folder with anything in it is refused, an empty one is filled", async () => {
    await backUp(data, file);
    const refused: unknown = await restoreBackup(file, data).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "data-dir-unusable",
      message: expect.stringContaining("it is not empty"),
    });
    const target = join(dir, "empty");
    mkdirSync(target, { mode: 0o755 });
    await restoreBackup(file, target);
    expect(await rowsIn(target)).toHaveLength(40);
    expect(statSync(target).mode & 0o777).toBe(0o700);
  });

  test("BK5 what cannot take the place of a folder is filled from within", async () => {
    await backUp(data, file);
    const target = join(dir, "volume");
    mkdirSync(join(target, "lost+found"), { recursive: true });
    chmodSync(target, 0o700);
    await restoreBackup(file, target);
    expect(readdirSync(target).filter((name) => name.startsWith(".restore-"))).toEqual([]);
    expect(await rowsIn(target)).toHaveLength(40);
    expect(readNodeFolder(target).node).toBe(readNodeFolder(data).node);
  });

  test("BK4 there is no backup of a folder without a node, nor of one whose node runs", async () => {
    mkdirSync(join(dir, "none"));
    expect(() => readNodeFolder(join(dir, "none"))).toThrow("there is no node.key");
    const store = createLevelStore({ dir: data });
    await store.open();
    await expect(backUp(data, file)).rejects.toMatchObject({ code: "store-locked" });
    await store.close();
  });
});

describe("rows on their way", () => {
  test("BK4 are read in portions of any size", async () => {
    const rows = [0, 1, 70_000].map((length, i) => ({
      key: `k${i}`,
      value: new Uint8Array(length).fill(i),
    }));
    const frames = await framesOf(...rows);
    for (const size of [1, 7, 40, frames.length]) {
      const decoder = new RowDecoder();
      const read: StoreRow[] = [];
      for (let at = 0; at < frames.length; at += size)
        read.push(...decoder.read(frames.subarray(at, at + size)));
      decoder.finish();
      expect(read.map(({ key, value }) => [key, value.length])).toEqual([
        ["k0", 0],
        ["k1", 1],
        ["k2", 70_000],
      ]);
    }
  });

  test("BK4 P6 a row of more than ROW_BYTES_MAX is refused by its length alone", async () => {
    const begin = (await framesOf()).subarray(0, 8);
    const withLength = (length: number): Uint8Array => {
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32BE(length, 4);
      return Buffer.concat([begin, lengths]);
    };
    expect(new RowDecoder().read(withLength(ROW_BYTES_MAX - 8))).toEqual([]);
    expect(() => new RowDecoder().read(withLength(ROW_BYTES_MAX - 7))).toThrow("row 1 is too long");
  });

  test("BK4 UP3 of a later format are refused by name, those of an earlier one brought up when they are restored", async () => {
    const later = await framesOf();
    later.writeUInt32BE(STORE_FORMAT + 1, 4);
    expect(() => new RowDecoder().read(later)).toThrow(
      expect.objectContaining({ code: "store-newer" }),
    );
    const earlier = await framesOf({ key: "left/n", value: dagCborCodec.encode(7) });
    earlier.writeUInt32BE(1, 4);
    createHash("sha256")
      .update(earlier.subarray(0, -32))
      .digest()
      .copy(earlier, earlier.length - 32);
    const draft = await openBackupFile(file);
    await writeBackup(readNodeFolder(data), portionsOf(earlier), draft.write, WALL_MS);
    await draft.finish();
    expect((await readBackup(file)).rowsFormat).toBe(1);
    await restoreBackup(file, join(dir, "restored"));
    const [row] = await rowsIn(join(dir, "restored"));
    expect(row?.key).toBe("left/n");
    expect(dagCborCodec.decode(row?.value ?? new Uint8Array())).toEqual([1, 7, false]);
  });

  test("BK4 that were changed, or are more than they should be, are refused", async () => {
    const frames = await framesOf({ key: "a", value: new Uint8Array(30) });
    const changed = Buffer.from(frames);
    changed[20] = 7;
    expect(() => new RowDecoder().read(changed)).toThrow("checksum");
    expect(() => new RowDecoder().read(Buffer.concat([frames, frames]))).toThrow(
      "behind their end",
    );
  });
});
