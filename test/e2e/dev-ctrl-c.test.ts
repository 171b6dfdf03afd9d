import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { CliProcess, processesWith } from "../support/cli-process.ts";

/** Starts `dev`, waits until everything runs, and tells its folder. */
async function startDev(
  httpBase: number,
): Promise<{ readonly dev: CliProcess; readonly folder: string }> {
  const dev = new CliProcess(["dev", "--http-base", String(httpBase)]);
  await dev.untilPrinted("Try next");
  await dev.untilPrinted("robot replica-freshness: ● up");
  const folder = /in (\S*pulsemesh-dev-\w+)/.exec(dev.out)?.[1] ?? "";
  expect(existsSync(folder)).toBe(true);
  // Three nodes and the janitor have the folder in their command line, the robots theirs.
  expect(processesWith(folder).length).toBeGreaterThanOrEqual(7);
  return { dev, folder };
}

async function untilGone(folder: string, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (existsSync(folder) || processesWith(folder).length > 0) {
    if (performance.now() > endMs) break;
    await sleep(25);
  }
  expect(processesWith(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
}

describe("pulsemesh dev", () => {
  test("CLI15 after Ctrl-C no process and no folder is left, exit 130", async () => {
    const { dev, folder } = await startDev(18_420);
    await using _dev = dev;
    dev.kill("SIGINT");
    const { code, err } = await dev.ended;
    expect([code, err.includes("No process and no folder is left")]).toEqual([130, true]);
    await untilGone(folder, 0);
  });

  test("CLI15 a second Ctrl-C ends it at once and leaves nothing either", async () => {
    const { dev, folder } = await startDev(18_520);
    await using _dev = dev;
    dev.kill("SIGINT");
    await sleep(30);
    dev.kill("SIGINT");
    expect((await dev.ended).code).toBe(130);
    await untilGone(folder, 500);
  });

  test("CLI15 SIGTERM cleans up as well, exit 0", async () => {
    const { dev, folder } = await startDev(18_620);
    await using _dev = dev;
    dev.kill("SIGTERM");
    expect((await dev.ended).code).toBe(0);
    await untilGone(folder, 0);
  });

  test("CLI15 kill -9 of dev leaves no process and no folder", async () => {
    const { dev, folder } = await startDev(18_720);
    await using _dev = dev;
    dev.kill("SIGKILL");
    expect((await dev.ended).signal).toBe("SIGKILL");
    await untilGone(folder, 5_000);
  });

  test("CLI15 Ctrl-C while nodes are still starting leaves nothing", async () => {
    await using dev = new CliProcess(["dev", "--http-base", "18820"]);
    await dev.untilPrinted("Starting 3 nodes");
    const folder = /in (\S*pulsemesh-dev-\w+)/.exec(dev.out)?.[1] ?? "";
    await sleep(100);
    dev.kill("SIGINT");
    expect((await dev.ended).code).toBe(130);
    await untilGone(folder, 0);
  });
});
