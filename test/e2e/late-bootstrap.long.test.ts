/** A bootstrap member that comes up a whole minute late (AD4); `addresses.test.ts` has the short form. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

const LATE_MS = 60_000;

const root = mkdtempSync(join(tmpdir(), "pulsemesh-late-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function run(name: string, ...args: readonly string[]): CliProcess {
  return new CliProcess(["run", "--data", join(root, name), "--http", "127.0.0.1:0", ...args]);
}

test("AD4 two first joins that wait for a member for 60 s are with it within 10 s of its start", async () => {
  const member = `/ip4/127.0.0.1/tcp/${await freePort()}`;
  const start = (): CliProcess => run("member", "--listen", member, "--open");
  let id = "";
  {
    await using first = start();
    await first.untilPrinted("join by");
    id = /\/p2p\/(\w+)/.exec(first.out)?.[1] ?? "";
  }
  const join = ["--listen", "/ip4/127.0.0.1/tcp/0", "--join", `${member}/p2p/${id}`];
  await using a = run("a", ...join);
  await using b = run("b", ...join);
  await sleep(LATE_MS);
  expect([a.out, b.out]).toEqual(["", ""]);
  // Said after 3 s and every 30 s, with what came of the last try.
  for (const { err } of [a, b])
    expect(err.match(/no member has answered yet/g)?.length).toBeGreaterThanOrEqual(1);
  await using late = start();
  await late.untilPrinted("join by");
  const startedMs = performance.now();
  await until("both have joined", () => [a, b].every(({ out }) => out.includes("address  /")));
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
