import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Spool, SPOOL_ASIDE_MAX, SPOOL_BEATS_MAX, SPOOL_BYTES_MAX } from "./spool.ts";
import {
  encodeBeat,
  nameOf,
  type SpooledBeat,
  SPOOLED_BEAT_BYTES_MAX,
  urlKeyOf,
} from "./spooled-beat.ts";

const url = "http://127.0.0.1:7420";
let parent: string;
let folder: string;
let spool: Spool;
let atWallMs: number;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "pulsemesh-spool-"));
  folder = join(parent, "state", "spool");
  spool = new Spool(folder);
  atWallMs = Date.UTC(2026, 0, 1);
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

function beat(overrides: Partial<SpooledBeat> = {}): SpooledBeat {
  atWallMs += 1;
  return { url, robot: "bot", kind: "success", atWallMs, ...overrides };
}

/** Without the syncs, which a thousand of would take a while. */
function put(beats: readonly SpooledBeat[]): void {
  for (const each of beats) {
    const text = encodeBeat(each);
    writeFileSync(join(folder, nameOf(each, Buffer.byteLength(text))), text, { mode: 0o600 });
  }
}

async function kept(): Promise<readonly unknown[]> {
  return await Promise.all((await spool.list()).map((entry) => spool.read(entry)));
}

describe("CLI31 keeping a beat", () => {
  test.runIf(process.platform === "linux")(
    "CLI31 a folder that cannot be made, where the system says ENOENT to it, is an error and no endless try",
    async () => {
      const nowhere = new Spool("/proc/none/pulsemesh-spool");
      await expect(nowhere.keep(beat())).rejects.toMatchObject({ code: "data-dir-unusable" });
    },
  );

  test("CLI31 what was kept is read back, in the order in which it came, in files of the user alone", async () => {
    const beats = [
      beat({ kind: "start", rid: "r1", create: true }),
      beat({ kind: 7, rid: "r1", message: "line 1\nline 2 \u0000 é" }),
      beat({ robot: "eu:a.b_c-d", kind: "fail" }),
      beat({ kind: "log", message: "" }),
    ];
    for (const each of beats) await spool.keep(each);
    expect(await kept()).toEqual(beats);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    const [first] = await spool.list();
    expect(first).toMatchObject({ robot: "bot", plain: false, urlKey: urlKeyOf(url) });
    expect((await spool.list(urlKeyOf("http://other:1"))).length).toBe(0);
  });

  test("CLI31 beats of one instant keep their order", async () => {
    const beats = [1, 2, 3, 4].map((kind) => beat({ kind, atWallMs: 5 }));
    for (const each of beats) await spool.keep(each);
    expect(await kept()).toEqual(beats);
  });

  test("CLI31 of plain beats of a robot at a node the newest stays, of reports all", async () => {
    const reports = [beat({ kind: "fail" }), beat({ rid: "r1" }), beat({ kind: 0 })];
    const others = [beat({ robot: "other" }), beat({ url: "unix:/run/x.sock" })];
    await spool.keep(beat());
    for (const each of [...reports, ...others]) await spool.keep(each);
    await spool.keep(beat());
    const newest = beat();
    await spool.keep(newest);
    expect(await kept()).toEqual([...reports, ...others, newest]);
  });

  test("CLI31 nothing is left of a beat that the disk has no room for", async () => {
    const full = new Spool(folder, async (path) => {
      writeFileSync(path, "half a be");
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    });
    await expect(full.keep(beat())).rejects.toThrow("ENOSPC");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("CLI31 a beat that is on disk is kept, also where no room can be made behind it", async () => {
    class Stuck extends Spool {
      override remove(): Promise<void> {
        return Promise.reject(new Error("EIO: i/o error"));
      }
    }
    const stuck = new Stuck(folder);
    await stuck.keep(beat());
    const newest = beat();
    expect(await stuck.keep(newest)).toEqual([]);
    expect((await kept()).at(-1)).toEqual(newest);
  });

  test("CLI31 a folder that others may write to is refused, with what to do", async () => {
    await spool.keep(beat());
    chmodSync(folder, 0o770);
    await expect(spool.keep(beat())).rejects.toThrow(`chmod go-w ${folder}`);
    chmodSync(folder, 0o700);
    await spool.keep(beat());
  });

  test("CLI31 what a killed command left unfinished is no beat, and goes after an hour", async () => {
    await spool.keep(beat());
    const old = new Date(Date.now() - 3_700_000);
    for (const name of [".new-1-aa", ".new-2-bb"]) writeFileSync(join(folder, name), "half");
    utimesSync(join(folder, ".new-1-aa"), old, old);
    expect((await spool.list()).length).toBe(1);
    await spool.keep(beat({ robot: "other" }));
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([".new-2-bb"]);
  });
});

describe("CLI31 bounds", () => {
  test("CLI31 P6 beyond SPOOL_BEATS_MAX the oldest goes, and it is said which", async () => {
    await spool.keep(beat({ robot: "oldest", kind: "fail" }));
    put(Array.from({ length: SPOOL_BEATS_MAX - 1 }, () => beat({ kind: 1 })));
    expect(await spool.keep(beat({ kind: 2 }))).toMatchObject([{ robot: "oldest" }]);
    expect((await spool.list()).length).toBe(SPOOL_BEATS_MAX);
    expect((await kept()).at(-1)).toMatchObject({ kind: 2 });
  });

  test("CLI31 P6 beyond SPOOL_BYTES_MAX the oldest go; the new one stays, however old its own time is", async () => {
    const message = "x".repeat(10_000);
    await spool.keep(beat({ kind: 0 }));
    put(Array.from({ length: 418 }, () => beat({ kind: 1, message })));
    const late = beat({ kind: 2, message, atWallMs: 1 });
    const dropped = await spool.keep(late);
    const entries = await spool.list();
    expect(dropped.length + entries.length).toBe(420);
    expect(dropped[0]?.bytes).toBeLessThan(200);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(SPOOL_BYTES_MAX);
    expect(bytes).toBeGreaterThan(SPOOL_BYTES_MAX - 11_000);
    expect((await kept())[0]).toEqual(late);
  });
});

describe("CLI31 damage", () => {
  test.each([
    ["empty", ""],
    ["half", encodeBeat({ url, robot: "bot", kind: 3, atWallMs: 1 }).slice(0, 30)],
    ["one bit off", encodeBeat({ url, robot: "bot", kind: 3, atWallMs: 1 }).replace("3", "2")],
    ["no JSON", "zzz\nzzz\n"],
  ])("CLI31 a file that is %s is found damaged", async (_what, text) => {
    await spool.keep(beat());
    const [entry] = await spool.list();
    if (entry === undefined) throw new Error("nothing is kept");
    writeFileSync(join(folder, entry.name), text);
    expect(await spool.read(entry)).toBe("damaged");
  });

  test("CLI31 a file above SPOOLED_BEAT_BYTES_MAX is not read, and the largest beat is below it", async () => {
    await spool.keep(beat({ kind: "fail", message: "\u0001".repeat(10_000) }));
    const [entry] = await spool.list();
    if (entry === undefined) throw new Error("nothing is kept");
    expect(await spool.read(entry)).toMatchObject({ kind: "fail" });
    const text = encodeBeat(beat({ kind: "fail", message: "x".repeat(SPOOLED_BEAT_BYTES_MAX) }));
    writeFileSync(join(folder, entry.name), text);
    expect(await spool.read(entry)).toBe("damaged");
  });

  test("CLI31 P6 at most SPOOL_ASIDE_MAX files are kept aside, and none of them waits", async () => {
    await spool.keep(beat());
    put(Array.from({ length: SPOOL_ASIDE_MAX + 4 }, () => beat({ kind: 1 })));
    for (const entry of await spool.list()) await spool.setAside(entry);
    expect((await spool.asides()).length).toBe(SPOOL_ASIDE_MAX);
    expect(await spool.list()).toEqual([]);
    expect(await spool.clear()).toBe(SPOOL_ASIDE_MAX);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    [
      "a pipe, which would wait for its writer",
      (path: string) => execFileSync("sh", ["-c", 'mkfifo "$0"', path]),
    ],
    ["a folder", (path: string) => mkdirSync(join(path, "deep"), { recursive: true })],
    ["a link, even to a whole beat", (path: string) => symlinkSync(join(parent, "beat"), path)],
    ["a link to itself", (path: string) => symlinkSync(path, path)],
  ])(
    "CLI31 %s in the place of a file is damaged, is set aside and is cleared",
    async (_what, put) => {
      await spool.keep(beat());
      const [entry] = await spool.list();
      if (entry === undefined) throw new Error("nothing is kept");
      writeFileSync(join(parent, "beat"), encodeBeat(beat()));
      rmSync(join(folder, entry.name));
      put(join(folder, entry.name));
      expect(await spool.read(entry)).toBe("damaged");
      await spool.setAside(entry);
      expect(await spool.list()).toEqual([]);
      expect(await spool.clear()).toBe(1);
      expect(readdirSync(folder)).toEqual([]);
      expect(readdirSync(parent).toSorted()).toEqual(["beat", "state"]);
    },
  );

  test("CLI31 names of other files are passed over, a folder that is not there is empty", async () => {
    expect(await new Spool(join(parent, "none")).list()).toEqual([]);
    await spool.keep(beat());
    for (const name of ["notes.txt", "1-2-3.beat", "claim-a-b-1-c"]) {
      writeFileSync(join(folder, name), "");
    }
    expect((await spool.list()).length).toBe(1);
  });
});
