import { mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { processesWith, runCli } from "../support/cli-process.ts";

interface StepLine {
  readonly step?: number;
  readonly name?: string;
  readonly ok?: boolean;
  readonly ms?: number;
  readonly error?: string;
  readonly story?: string;
}

test("CLI16 the story holds within 40 s on real processes and folders, and leaves nothing behind", async () => {
  // A temporary folder of its own, so that what other tests leave for a moment is not taken for this one's.
  const parent = mkdtempSync(join(tmpdir(), "pulsemesh-story-"));
  const { code, out, err } = await runCli(["dev", "--once", "--json", "--http-base", "17420"], {
    env: { TMPDIR: parent },
  });
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as StepLine);
  expect([lines.filter(({ ok }) => ok === false), err]).toEqual([[], expect.any(String)]);
  expect(code).toBe(0);
  expect(lines.at(-1)).toMatchObject({ story: "ok" });
  expect(lines.at(-1)?.ms).toBeLessThanOrEqual(40_000);
  const names = lines.map(({ name }) => name ?? "").join("\n");
  for (const part of [
    "without an invite is turned away",
    "secret is planted",
    "chmod 777",
    "replica falls",
    "kill -9",
    "started again",
    "same document",
  ]) {
    expect(names).toContain(part);
  }
  expect(readdirSync(parent)).toEqual([]);
  expect(processesWith(parent)).toEqual([]);
  rmdirSync(parent);
});
