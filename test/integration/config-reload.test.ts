/** The setup for a reload: beside the node, and the same as at the start. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type RunSetup,
  type RunWords,
  setUpRun,
} from "../../packages/cli/src/commands/run-setup.ts";
import { setUpAgain } from "../../packages/cli/src/config/set-up-again.ts";

let dir: string;
let words: RunWords;
let stop: AbortController;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-reload-"));
  stop = new AbortController();
  words = {
    flags: { config: join(dir, "c.yaml"), region: "flag" },
    robots: [{ robot: undefined, labels: { by: "flag" } }],
    env: { HOME: "/h", EVERY: "30s" },
  };
  write("token", "the-first-token-of-all");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
}

function writeConfig(count: number, more = ""): void {
  const head = `node: {name: a, region: file}\nhttp: {token_file: token, listen: "127.0.0.1:1"}\nrobots:\n`;
  const robot = (i: number): string =>
    `  - {id: robot-${i}, every: "\${EVERY}", labels: {team: sec}}\n`;
  write("c.yaml", head + Array.from({ length: count }, (_each, i) => robot(i)).join("") + more);
}

async function again(before: RunSetup): Promise<RunSetup> {
  return await setUpAgain(words, before, stop.signal);
}

async function mainThreadMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  return process.threadCpuUsage(before).user / 1_000;
}

test.each([1, 3_000])(
  "CFG9 a changed file with %i robots is set up as at the start",
  async (count) => {
    writeConfig(count);
    const before = await setUpRun(words);
    writeConfig(count, "log: {level: debug}\n");
    const { file, ...setup } = await again(before);
    const { file: expected, ...rest } = await setUpRun(words);
    expect(setup).toEqual(rest);
    expect([file?.path, file?.hash]).toEqual([expected?.path, expected?.hash]);
    writeConfig(count, "log: {levl: debug}\n");
    const fault = await setUpRun(words).catch((error: unknown) => error);
    expect(fault).toMatchObject({ code: "config-invalid" });
    await expect(again(before)).rejects.toEqual(fault);
  },
);

test("CFG9 10,000 robots are read beside the node, which goes on meanwhile", async () => {
  writeConfig(10_000);
  const before = await setUpRun(words);
  writeConfig(10_000, "log: {level: debug}\n");
  const alone = await mainThreadMs(() => setUpRun(words));
  const beside = await mainThreadMs(() => again(before));
  expect(beside).toBeLessThan(alone / 3);
});

test("CFG9 a large file that has not changed is not read again, the files that it names are", async () => {
  writeConfig(3_000);
  const before = await setUpRun(words);
  write("token", "the-next-token-of-all");
  const setup = await again(before);
  expect(setup.robots).toBe(before.robots);
  expect(setup.token).toBe("the-next-token-of-all");
  write("token", "short");
  await expect(again(before)).rejects.toMatchObject({ code: "token-file-invalid" });
});

test("CFG9 the stop of the node ends the reading of a large file", async () => {
  writeConfig(10_000);
  const before = await setUpRun(words);
  writeConfig(10_000, "log: {level: debug}\n");
  const reading = again(before);
  setTimeout(() => stop.abort(), 20);
  await expect(reading).rejects.toMatchObject({ code: "stopped" });
});

test("CFG9 a file that was emptied is a bad reload, unless it was empty before; one with a comment alone is good", async () => {
  writeConfig(1);
  const before = await setUpRun(words);
  for (const text of ["", "\n\n", "\uFEFF"]) {
    write("c.yaml", text);
    const refused: unknown = await again(before).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining("c.yaml: The file has been emptied"),
    });
  }
  write("c.yaml", "");
  const empty = await setUpRun(words);
  expect((await again(empty)).file?.hash).toBe(empty.file?.hash);
  write("c.yaml", "# nothing\n");
  expect((await again(before)).robots).toEqual([]);
});

test("CFG9 a file that is emptied while a thread begins to read it is a bad reload, too", async () => {
  writeConfig(3_000);
  const before = await setUpRun(words);
  writeConfig(3_000, "log: {level: debug}\n");
  const { env, ...said } = words;
  words = {
    ...said,
    // The environment is looked at for the thread: then the file was found whole, and is not read yet.
    get env() {
      write("c.yaml", "");
      return env;
    },
  };
  const refused: unknown = await again(before).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: "config-invalid",
    message: expect.stringContaining("c.yaml: The file has been emptied"),
  });
});

test("CFG9 a file that ends within a line is read again until it is whole", async () => {
  writeConfig(1);
  const before = await setUpRun(words);
  // As it is for a moment: 1 of 10 missed beats.
  write("c.yaml", "robots:\n  - {id: a, every: 30s, missed: 10}\n  - id: b\n    missed: 1");
  const reading = again(before);
  setTimeout(() => {
    write("c.yaml", "robots:\n  - {id: a, every: 30s, missed: 10}\n  - id: b\n    missed: 10\n");
  }, 100);
  expect((await reading).robots[1]?.schedule).toMatchObject({ missed: 10 });
  // An editor that ends no last line: it stays as it is.
  write("c.yaml", "log: {level: debug}");
  expect((await again(before)).flags.logLevel).toBe("debug");
  write("c.yaml", "log: {level: inf");
  const stopping = again(before);
  stop.abort();
  await expect(stopping).rejects.toMatchObject({ code: "stopped" });
});
