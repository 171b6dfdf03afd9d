import type { RobotView } from "@pulsemesh/core";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskFacts, FILES_COUNTED_MAX, openFilesNow, unknownTimeZones } from "./diagnosis.ts";

async function inFolder(task: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "pulsemesh-diagnosis-"));
  try {
    await task(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

test("AD8 disk facts count what is there, try a write, and leave nothing behind", () =>
  inFolder(async (dir) => {
    await mkdir(join(dir, "store"));
    await writeFile(join(dir, "store", "a"), Buffer.alloc(1_000));
    await writeFile(join(dir, "b"), Buffer.alloc(24));
    const facts = await diskFacts(dir);
    expect(facts).toMatchObject({ usedBytes: 1_024, writeFault: undefined });
    expect(facts.freeBytes).toBeGreaterThan(0);
    expect(await readdir(dir)).toEqual(["b", "store"]);
    expect(await diskFacts(join(dir, "gone"))).toEqual({
      freeBytes: undefined,
      usedBytes: 0,
      writeFault: "ENOENT",
    });
  }));

test("AD8 P6 disk facts add up FILES_COUNTED_MAX files at most", () =>
  inFolder(async (dir) => {
    for (let index = 0; index < FILES_COUNTED_MAX + 5; index += 100) {
      const names = Array.from({ length: 100 }, (_, more) => join(dir, `f${index + more}`));
      await Promise.all(names.map((name) => writeFile(name, "x")));
    }
    expect((await diskFacts(dir)).usedBytes).toBe(FILES_COUNTED_MAX);
  }));

test("AD8 open files are those of this process", async () => {
  const found = await openFilesNow();
  if (process.platform !== "linux") return;
  expect(found?.count).toBeGreaterThan(3);
  expect(found?.max).toBeGreaterThan(found?.count ?? 0);
});

test("AD8 time zones that this machine does not know are named once, however many robots have them", async () => {
  const zones = ["Europe/Berlin", "Mars/Olympus", "UTC"];
  const cron = (timeZone: string): RobotView =>
    ({ schedule: { type: "cron", timeZone } }) as unknown as RobotView;
  const ids = Array.from({ length: 600 }, (_, index) => `r${index}`);
  const robot = (id: string): RobotView | undefined =>
    id === "r7" ? undefined : cron(zones[Number(id.slice(1)) % zones.length] ?? "");
  expect(await unknownTimeZones(ids, robot)).toEqual(["Mars/Olympus"]);
});
