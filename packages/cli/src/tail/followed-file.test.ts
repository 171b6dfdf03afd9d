import { appendFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FollowedFile } from "./followed-file.ts";

const hourAgoS = Math.floor(Date.now() / 1_000) - 3_600;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-followed-"));
  path = join(folder, "app.log");
  writeFileSync(path, "done an hour ago\n");
  utimesSync(path, hourAgoS, hourAgoS);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("TL2 P3 lines of a backlog are as old as the file's last change at least, those after it are new", async () => {
  await using file = await FollowedFile.open(path, "backlog");
  expect(await file.read()).toEqual({
    lines: ["done an hour ago"],
    more: true,
    changedWallMs: hourAgoS * 1_000,
  });
  appendFileSync(path, "done now\n");
  expect(await file.read()).toMatchObject({ lines: ["done now"], changedWallMs: undefined });
});

test("TL2 P3 what a log that was rotated in begins with is new, and so is a backlog that was cut and written again", async () => {
  await using rotated = await FollowedFile.open(path, "start");
  expect(await rotated.read()).toMatchObject({
    lines: ["done an hour ago"],
    changedWallMs: undefined,
  });
  await using cut = await FollowedFile.open(path, "backlog");
  await cut.read();
  writeFileSync(path, "once more\n");
  expect(await cut.read()).toMatchObject({ lines: [] });
  expect(await cut.read()).toMatchObject({ lines: ["once more"], changedWallMs: undefined });
});
