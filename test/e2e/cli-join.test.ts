/** A first join before the member is there: alive and not ready over HTTP, then a node of that fleet at the same address. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

const root = mkdtempSync(join(tmpdir(), "pulsemesh-join-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Where a member will listen that is not there yet; who it is, is known. */
let member = "";
let memberId = "";
beforeAll(async () => {
  member = `/ip4/127.0.0.1/tcp/${await freePort()}`;
  await using node = startMember();
  await node.untilPrinted("join by");
  memberId = /\/p2p\/(\w+)/.exec(node.out)?.[1] ?? "";
});

function run(name: string, ...args: readonly string[]): CliProcess {
  return new CliProcess(["run", "--data", join(root, name), ...args]);
}

function startMember(): CliProcess {
  return run("member", "--http", "127.0.0.1:0", "--listen", member, "--open");
}

function startJoining(name: string, httpPort: number, ...args: readonly string[]): CliProcess {
  const here = ["--http", `127.0.0.1:${httpPort}`, "--listen", "/ip4/127.0.0.1/tcp/0"];
  return run(name, ...here, ...args, "--join", `${member}/p2p/${memberId}`);
}

async function statusOf(url: string, method = "GET"): Promise<number> {
  try {
    return (await fetch(url, { method })).status;
  } catch {
    return 0;
  }
}

test("CLI10 HT31 P8 a node that looks for its fleet is alive and not ready, and becomes ready at the same address", async () => {
  const httpPort = await freePort();
  const url = `http://127.0.0.1:${httpPort}`;
  const socket = join(root, "early.sock");
  await using early = startJoining("early", httpPort, "--socket", socket);
  await until("it is alive", async () => (await statusOf(`${url}/livez`)) === 200);
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, ready.headers.get("content-type")]).toEqual([
    503,
    expect.stringContaining("application/problem+json"),
  ]);
  expect(await ready.json()).toMatchObject({ code: "not-ready", status: 503, changed: false });
  expect(await statusOf(`${url}/startupz`)).toBe(503);
  expect(await statusOf(`${url}/heartbeat/bot`, "POST")).toBe(503);
  expect(early.out).toBe("");
  const ping = ["ping", "bot", "--create", "--url", `unix:${socket}`, "--no-spool"];
  const refused = await runCli([...ping, "--retry-for", "0s"]);
  expect([refused.code, refused.err]).toEqual([3, expect.stringContaining("looks for its fleet")]);
  await using late = startMember();
  await late.untilPrinted("join by");
  await until("it is ready", async () => (await statusOf(`${url}/readyz`)) === 200);
  expect(await statusOf(`${url}/heartbeat/bot`, "POST")).toBe(200);
  expect((await runCli(ping)).code).toBe(0);
});

test("CLI10 P8 a node that finds no fleet stops when it is told to", async () => {
  const httpPort = await freePort();
  const url = `http://127.0.0.1:${httpPort}`;
  await using node = startJoining("lonely", httpPort);
  await until("it is alive", async () => (await statusOf(`${url}/livez`)) === 200);
  node.kill("SIGTERM");
  expect((await node.ended).code).toBe(0);
});
