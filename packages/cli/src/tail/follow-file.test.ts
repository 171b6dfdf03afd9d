import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { followFile, ROTATED_FILES_MAX } from "./follow-file.ts";
import { LINE_BYTES_MAX } from "./line-splitter.ts";

let folder: string;
let path: string;
let lines: string[];
let said: string[];
let nowMs: number;
let stop: AbortController;
let following: Promise<void> | undefined;
let resume: () => void;
let arrived: PromiseWithResolvers<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-follow-"));
  path = join(folder, "app.log");
  lines = [];
  said = [];
  nowMs = 0;
  stop = new AbortController();
  resume = () => {};
  arrived = Promise.withResolvers();
});

afterEach(async () => {
  stop.abort();
  resume();
  await following?.catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

/** Follows until there is nothing more to read. */
async function start(from: "start" | "end" = "end"): Promise<void> {
  following = followFile({
    path,
    from,
    signal: stop.signal,
    onLines: (more) => void lines.push(...more),
    say: (line) => void said.push(line),
    monoMs: () => nowMs,
    pause: async (ms) => {
      nowMs += ms;
      const { promise, resolve } = Promise.withResolvers<void>();
      resume = resolve;
      arrived.resolve();
      await promise;
    },
  });
  await Promise.race([arrived.promise, following]);
}

/** One more look, until there is nothing more to read. */
async function look(): Promise<readonly string[]> {
  arrived = Promise.withResolvers();
  lines = [];
  resume();
  await arrived.promise;
  return lines;
}

const openFiles = (): number => {
  const links = readdirSync("/proc/self/fd");
  return links.length;
};

describe("TL2 a log that grows", () => {
  test("TL2 begins at the end, or at the start where asked", async () => {
    writeFileSync(path, "old\n");
    await start();
    expect(lines).toEqual([]);
    appendFileSync(path, "new\n");
    expect(await look()).toEqual(["new"]);
    expect(await look()).toEqual([]);
  });

  test("TL2 --from-start reads what is there, over more than one chunk", async () => {
    const all = Array.from({ length: 30_000 }, (_, n) => `line ${n}`);
    writeFileSync(path, `${all.join("\n")}\n`);
    await start("start");
    expect(lines).toEqual(all);
  });

  test("TL2 a line that is half written, now or at the start, is taken whole when it is complete", async () => {
    writeFileSync(path, "old\nhalf of");
    await start();
    appendFileSync(path, " a line");
    expect(await look()).toEqual([]);
    appendFileSync(path, "\nnext");
    expect(await look()).toEqual(["half of a line"]);
  });

  test("TL2 LINE_BYTES_MAX: a line without end at the start is passed over up to its newline", async () => {
    writeFileSync(path, "x".repeat(3 * LINE_BYTES_MAX));
    await start();
    appendFileSync(path, "still the same\nnext\n");
    expect(await look()).toEqual(["next"]);
  });
});

describe("TL2 rotation", () => {
  test("TL2 rename and create: the new file from its start, the old one to its end, also what comes late", async () => {
    writeFileSync(path, "old\n");
    await start();
    appendFileSync(path, "last\n");
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, "after the rename\n");
    writeFileSync(path, "first\n");
    expect((await look()).toSorted()).toEqual(["after the rename", "first", "last"]);
    appendFileSync(`${path}.1`, "late\n");
    appendFileSync(path, "second\n");
    expect((await look()).toSorted()).toEqual(["late", "second"]);
    expect(said).toHaveLength(1);
  });

  test("TL2 between rename and create the old file is read on, and the new one is not missed", async () => {
    writeFileSync(path, "");
    await start();
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, "a\n");
    expect(await look()).toEqual(["a"]);
    writeFileSync(path, "b\n");
    expect(await look()).toEqual(["b"]);
  });

  test("TL2 a rotated file is closed when it has been quiet, and at most ROTATED_FILES_MAX are open", async () => {
    writeFileSync(path, "");
    await start();
    const before = openFiles();
    for (let n = 0; n < ROTATED_FILES_MAX + 3; n++) {
      renameSync(path, `${path}.${n}`);
      writeFileSync(path, "");
      await look();
    }
    expect(openFiles()).toBe(before + ROTATED_FILES_MAX);
    for (let n = 0; n < 30; n++) await look();
    expect(openFiles()).toBe(before);
  });
});

describe("TL2 truncation", () => {
  test("TL2 copytruncate: a file that was cut is read from its start", async () => {
    writeFileSync(path, "one\ntwo\n");
    await start();
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    expect(await look()).toEqual([]);
    appendFileSync(path, "three\n");
    expect(await look()).toEqual(["three"]);
  });

  test("TL2 what is written between the last look and the turn is read with create, and lost with copytruncate", async () => {
    writeFileSync(path, "one\n");
    await start();
    appendFileSync(path, "read\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "new\n");
    const seen = [...(await look()), ...(await look())];
    expect(seen).toEqual(["read", "new"]);
    appendFileSync(path, "lost\n");
    copyFileSync(path, `${path}.2`);
    truncateSync(path);
    appendFileSync(path, "newer\n");
    expect([...(await look()), ...(await look())]).toEqual(["newer"]);
  });

  test("TL2 it is noticed too when the file has grown past the old place before anybody looked", async () => {
    writeFileSync(path, "one\ntwo\n");
    await start("start");
    truncateSync(path);
    appendFileSync(path, "three is longer\nthan what was there\n");
    expect(await look()).toEqual(["three is longer", "than what was there"]);
  });

  test("TL2 half a line from before the cut is not glued to what comes after", async () => {
    writeFileSync(path, "one\nhalf");
    await start("start");
    writeFileSync(path, "new\n");
    expect(await look()).toEqual(["new"]);
  });

  test("TL2 a writer that goes on at its old place leaves a hole, which is no part of its line", async () => {
    writeFileSync(path, `${"x".repeat(20_000)}\n`);
    await start("start");
    truncateSync(path);
    truncateSync(path, 20_001);
    appendFileSync(path, "after the hole\n");
    expect(await look()).toEqual(["after the hole"]);
  });
});

describe("TL2 what is not there, or no file", () => {
  test("TL2 a file that is missing is waited for, said once, and read from its start", async () => {
    await start();
    await look();
    expect(said).toEqual([`waiting for ${path}: there is no such file`]);
    writeFileSync(path, "first\n");
    expect(await look()).toEqual(["first"]);
    expect(said[1]).toContain("is there now");
  });

  test("TL2 a folder is refused at the start, and waited out later", async () => {
    mkdirSync(path);
    await expect(start()).rejects.toThrow("no regular file");
    rmSync(path, { recursive: true });
    writeFileSync(path, "");
    arrived = Promise.withResolvers();
    await start();
    rmSync(path);
    mkdirSync(path);
    expect(await look()).toEqual([]);
    rmSync(path, { recursive: true });
    writeFileSync(path, "back\n");
    expect(await look()).toEqual(["back"]);
  });

  test("TL2 a file that cannot be read is said once and tried again; the next one of its name is read", async () => {
    // Regular for whoever looks, and no byte of it can be read.
    symlinkSync("/proc/self/mem", path);
    await start("start");
    expect(await look()).toEqual([]);
    expect(said.filter((line) => line.includes("cannot read"))).toHaveLength(1);
    rmSync(path);
    writeFileSync(path, "well again\n");
    expect([...(await look()), ...(await look())]).toEqual(["well again"]);
  });
});
