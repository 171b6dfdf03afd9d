import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  dagCborCodec,
  type Migration,
  MIGRATION_BYTES_MAX,
  MIGRATIONS,
  STORE_FORMAT,
  type StoreOp,
} from "@pulsemesh/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readFormatNote } from "./format-file.ts";
import { type Database, openDatabase } from "./level-database.ts";
import { LevelStore } from "./level-store.ts";
import { plannedOps } from "./migrate.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-migrate-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (key: string, value: string): StoreOp => ({ type: "put", key, value: bytes(value) });

/** Appends a letter to each row of a range and marks that it has; moves `old/` rows to `new/`. */
const STEPS: readonly Migration[] = [
  {
    from: 1,
    range: { gte: "old/", lt: "old0" },
    migrate: ({ key, value }) => [
      { type: "del", key },
      { type: "put", key: key.replace("old/", "new/"), value },
    ],
  },
  {
    from: 2,
    range: { gte: "new/", lt: "new0" },
    migrate: ({ key, value }) => [
      put(key, `${new TextDecoder().decode(value).replace(/!$/, "")}!`),
    ],
  },
];

interface Opening {
  readonly format: number;
  readonly release?: string;
  readonly migrations?: readonly Migration[];
  readonly bytesMax?: number;
  /** Stands for a crash around the write of so many: before it, or when it is on disk and nobody knows. */
  readonly crash?: { readonly atWrite: number; readonly when: "before" | "after" };
}

function store({
  format,
  release = "pulsemesh/test",
  migrations = STEPS,
  bytesMax,
  crash,
}: Opening): LevelStore {
  let writes = 0;
  return new LevelStore(
    {
      format: { current: format, migrations, bytesMax },
      async openDatabase(location, repairFirst) {
        const result = await openDatabase(location, repairFirst);
        const real = result.database;
        const write: Database["write"] = async (ops, sync) => {
          writes += 1;
          if (crash?.atWrite === writes && crash.when === "before") throw new Error("crashed");
          await real.write(ops, sync);
          if (crash?.atWrite === writes) throw new Error("crashed");
        };
        return { findings: result.findings, database: { ...real, write } };
      },
    },
    { dir, release },
  );
}

async function rowsOf(opening: Opening): Promise<Record<string, string>> {
  const opened = store(opening);
  await opened.open();
  const rows: Record<string, string> = {};
  for await (const { key, value } of opened.scan({ gte: "", lt: "~" }))
    rows[key] = new TextDecoder().decode(value);
  await opened.close();
  return rows;
}

async function makeOld(): Promise<void> {
  const old = store({ format: 1 });
  await old.open();
  await old.commit([put("kept", "1"), put("old/a", "A"), put("old/b", "B")]);
  await old.close();
}

function caught(error: unknown): unknown {
  return error;
}

/** Every file with its bytes and its time of change. */
function imageOf(folder: string): Record<string, string> {
  const image: Record<string, string> = {};
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
    const stats = statSync(join(folder, path));
    const content = stats.isFile() ? readFileSync(join(folder, path)).toString("base64") : "folder";
    image[path] = `${stats.mtimeMs} ${stats.mode} ${content}`;
  }
  return image;
}

describe("a store of an earlier format", () => {
  test("UP3 is brought over all formats in between, step by step, in one write", async () => {
    await makeOld();
    let writes = 0;
    const counting = new LevelStore(
      {
        format: { current: 3, migrations: STEPS },
        async openDatabase(location, repairFirst) {
          const result = await openDatabase(location, repairFirst);
          const real = result.database;
          const write: Database["write"] = (ops, sync) => {
            writes += 1;
            expect(sync).toBe(true);
            return real.write(ops, sync);
          };
          return { findings: result.findings, database: { ...real, write } };
        },
      },
      { dir },
    );
    await counting.open();
    await counting.close();
    expect(writes).toBe(1);
    expect(await rowsOf({ format: 3 })).toEqual({ kept: "1", "new/a": "A!", "new/b": "B!" });
    expect(readFormatNote(dir)?.format).toBe(3);
  });

  test("UP3 a step sees what the one before it has made of a row, and nothing of one that it has deleted", async () => {
    const range = { gte: "row/", lt: "row0" };
    const append = (from: number, text: string): Migration => ({
      from,
      range,
      migrate: ({ key, value }) =>
        key === "row/gone" && from === 1
          ? [{ type: "del", key }]
          : [put(key, new TextDecoder().decode(value) + text)],
    });
    const plan = { migrations: [append(1, "1"), append(2, "2")], from: 1, to: 3, bytesMax: 1_000 };
    const ops = await plannedOps(plan, async function* () {
      yield { key: "row/gone", value: bytes("") };
      yield { key: "row/kept", value: bytes("0") };
    });
    expect(ops).toEqual([{ type: "del", key: "row/gone" }, put("row/kept", "012")]);
  });

  test("UP3 P5 is whole in its old format or in the new one, wherever a crash comes", async () => {
    await makeOld();
    const before = join(dir, "..", `${dir}-before`);
    cpSync(dir, before, { recursive: true });
    const old = { kept: "1", "old/a": "A", "old/b": "B" };
    const migrated = { kept: "1", "new/a": "A!", "new/b": "B!" };
    for (const when of ["before", "after"] as const) {
      rmSync(dir, { recursive: true });
      cpSync(before, dir, { recursive: true });
      await expect(store({ format: 3, crash: { atWrite: 1, when } }).open()).rejects.toThrow(
        "crashed",
      );
      // The hint is written last, so an earlier release still opens what was not changed.
      expect(readFormatNote(dir)?.format).toBe(1);
      if (when === "before") expect(await rowsOf({ format: 1 })).toEqual(old);
      else await expect(rowsOf({ format: 1 })).rejects.toMatchObject({ code: "store-newer" });
      expect(await rowsOf({ format: 3 })).toEqual(migrated);
      expect(await rowsOf({ format: 3 })).toEqual(migrated);
    }
    rmSync(before, { recursive: true });
  });

  test("UP3 with a step missing, or more than MIGRATION_BYTES_MAX to rewrite, is left as it is", async () => {
    await makeOld();
    const missing = { format: 4, migrations: STEPS };
    await expect(rowsOf(missing)).rejects.toMatchObject({ code: "store-failed", changed: false });
    const tooMuch: unknown = await rowsOf({ format: 3, bytesMax: 10 }).catch(caught);
    expect(String(tooMuch)).toMatch(/more than 10 bytes/);
    expect(await rowsOf({ format: 1 })).toEqual({ kept: "1", "old/a": "A", "old/b": "B" });
    expect(await rowsOf({ format: 3, bytesMax: MIGRATION_BYTES_MAX })).toHaveProperty(
      "new/a",
      "A!",
    );
  });

  test("UP3 every format up to this release's has its step, and a step leaves alone what it has changed", () => {
    const from = MIGRATIONS.map((step) => step.from);
    expect(from.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: STORE_FORMAT - 1 }, (_, index) => index + 1),
    );
    const left = { key: "left/n", value: dagCborCodec.encode(7) };
    const [changed] = MIGRATIONS[0]?.migrate(left) ?? [];
    if (changed?.type !== "put") throw new Error("nothing was changed");
    expect(dagCborCodec.decode(changed.value)).toEqual([1, 7, false]);
    expect(MIGRATIONS[0]?.migrate({ key: "left/n", value: changed.value })).toEqual([]);
    expect(MIGRATIONS[0]?.migrate({ key: "left/n", value: bytes("?") })).toEqual([]);
  });
});

describe("a store of a later release", () => {
  test("UP2 is refused naming both, and no byte of the folder is touched", async () => {
    const later = store({ format: 3, release: "pulsemesh/9.8.7" });
    await later.open();
    await later.commit([put("kept", "1")]);
    await later.close();
    const before = imageOf(dir);
    const error: unknown = await store({ format: 2, release: "pulsemesh/0.1.0" })
      .open()
      .catch(caught);
    expect(error).toMatchObject({ code: "store-newer", changed: false });
    expect(String(error)).toMatch(/pulsemesh\/9\.8\.7.*format 3.*pulsemesh\/0\.1\.0.*up to 2/);
    expect(imageOf(dir)).toEqual(before);
  });

  test("UP2 whoever only looks leaves the release that wrote it named", async () => {
    const writer = store({ format: 2, release: "pulsemesh/1.2.3" });
    await writer.open();
    await writer.close();
    const looker = new LevelStore(
      { openDatabase, format: { current: 2, migrations: STEPS } },
      { dir },
    );
    await looker.open();
    await looker.close();
    expect(readFormatNote(dir)).toEqual({ format: 2, release: "pulsemesh/1.2.3" });
  });

  test("UP2 is refused by what the store itself says where the hint beside it is lost or of another time", async () => {
    const later = store({ format: 3 });
    await later.open();
    await later.close();
    rmSync(join(dir, "format.json"));
    const error: unknown = await store({ format: 2 }).open().catch(caught);
    expect(error).toMatchObject({ code: "store-newer" });
    expect(await rowsOf({ format: 3 })).toEqual({});
  });
});
