import { createServer } from "node:net";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";

const root = mkdtempSync(join(tmpdir(), "pulsemesh-cli-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Started {
  readonly id: string;
  readonly fleet: string;
  readonly data: string;
  readonly http: string;
  readonly addresses: readonly string[];
  readonly pid: number;
}

async function startNode(
  name: string,
  ...more: readonly string[]
): Promise<{ readonly node: CliProcess; readonly started: Started }> {
  const args = [
    "run",
    "--name",
    name,
    "--data",
    join(root, name),
    "--http",
    "127.0.0.1:0",
    "--listen",
    "/ip4/127.0.0.1/tcp/0",
  ];
  const node = new CliProcess([...args, "--json", ...more]);
  await node.untilPrinted("\n");
  return { node, started: JSON.parse(node.out) as Started };
}

describe("pulsemesh run", () => {
  test("CLI10 says where data lives and how to join; SIGTERM exits 0, SIGINT 130", async () => {
    const { node, started } = await startNode("first", "--region", "eu");
    await using _node = node;
    expect(started).toMatchObject({
      data: join(root, "first"),
      pid: node.pid,
      name: "first",
      region: "eu",
    });
    expect(started.addresses[0]).toContain(`/p2p/${started.id}`);
    expect(statSync(started.data).mode & 0o777).toBe(0o700);
    node.kill("SIGTERM");
    expect((await node.ended).code).toBe(0);

    const again = await startNode("first");
    await using _again = again.node;
    expect(again.started).toMatchObject({ id: started.id, fleet: started.fleet });
    again.node.kill("SIGINT");
    expect((await again.node.ended).code).toBe(130);
  });

  test("CLI10 without --json people read the same", async () => {
    await using node = new CliProcess([
      "run",
      "--data",
      join(root, "people"),
      "--http",
      ":0",
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
    ]);
    await node.untilPrinted("address  /ip4/127.0.0.1/tcp/");
    expect(node.out).toMatch(/^members  pulsemesh invite --url http:/m);
    expect(node.out).toContain(`data     ${join(root, "people")}`);
    expect(node.out).toMatch(/curl -X POST http:\/\/127\.0\.0\.1:\d+\/heartbeat\/my_robot/);
  });

  test("CLI10 a taken HTTP or mesh port is exit 2 with the next free one as the flag to give", async () => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const data = ["--data", join(root, "taken")];
    const http = await runCli([
      "run",
      ...data,
      "--http",
      `127.0.0.1:${port}`,
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
    ]);
    expect([http.code, http.err]).toEqual([2, expect.any(String)]);
    expect(/Next: --http 127\.0\.0\.1:(\d+)/.exec(http.err)?.[1]).toSatisfy(
      (text) => Number(text) > port,
    );
    const mesh = await runCli([
      "run",
      ...data,
      "--http",
      ":0",
      "--listen",
      `/ip4/127.0.0.1/tcp/${port}`,
    ]);
    expect([mesh.code, mesh.err]).toEqual([2, expect.any(String)]);
    expect(mesh.err).toMatch(/Next: --listen \/ip4\/127\.0\.0\.1\/tcp\/\d+/);
    server.close();
  });

  test("CLI10 a second process on one data folder is exit 2 and names the holder's pid; a killed one holds nothing", async () => {
    const { node } = await startNode("locked");
    await using _node = node;
    const args = [
      "run",
      "--data",
      join(root, "locked"),
      "--http",
      ":0",
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
    ];
    const second = await runCli(args);
    expect([second.code, second.err]).toEqual([2, expect.any(String)]);
    expect(second.err).toContain(String(node.pid));
    expect(second.err).toContain("Next: ");
    node.kill("SIGKILL");
    await node.ended;
    const { node: third } = await startNode("locked");
    await using _third = third;
    expect(third.out).not.toBe("");
  });

  test("CLI10 a folder of one fleet cannot join another: exit 2 with the next step", async () => {
    const { node: other, started } = await startNode("other-fleet");
    await using _other = other;
    const { node: mine } = await startNode("own-fleet");
    mine.kill("SIGTERM");
    await mine.ended;
    const args = [
      "run",
      "--data",
      join(root, "own-fleet"),
      "--http",
      ":0",
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
    ];
    const end = await runCli([...args, "--join", started.addresses[0] ?? ""]);
    expect([end.code, end.err]).toEqual([2, expect.any(String)]);
    expect(end.err).toContain("Next: choose an empty folder");
  });

  test("CLI5 HTTP beyond loopback is refused without --insecure-http", async () => {
    const end = await runCli([
      "run",
      "--data",
      join(root, "open"),
      "--http",
      "0.0.0.0:0",
      "--listen",
      "/ip4/127.0.0.1/tcp/0",
    ]);
    expect([end.code, end.err]).toEqual([2, expect.any(String)]);
    expect(end.err).toContain("--insecure-http");
  });
});

describe("commands over a running node", () => {
  let node: CliProcess;
  let url = "";
  beforeAll(async () => {
    const { node: running, started } = await startNode(
      "asked",
      "--robot",
      "scanner",
      "--every",
      "5m",
      "--label",
      "role=scan",
    );
    node = running;
    url = started.http;
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
  });
  const cli = (...args: readonly string[]) => runCli(args, { env: { PULSEMESH_URL: url } });

  test("CLI9 a robot of --robot is registered with its schedule and labels before its first beat", async () => {
    const { out, code } = await cli("status", "scanner", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      robot_id: "scanner",
      status: "new",
      labels: { role: "scan" },
      schedule: { type: "every", every_ms: 300_000, grace_ms: 0, missed: 3 },
    });
  });

  test("CLI19 CLI8 ping, status and the table agree", async () => {
    expect(await cli("ping", "scanner", "-m", "hello")).toMatchObject({
      code: 0,
      out: "OK\n",
      err: "",
    });
    expect((await cli("status")).out).toMatch(/scanner +● up +ok /);
    expect(await cli("ping", "scanner", "fail")).toMatchObject({ code: 0 });
    expect((await cli("status")).out).toMatch(/scanner +● up +failing /);
    const unknown = await cli("ping", "nobody");
    expect([unknown.code, unknown.err.includes("--create")]).toEqual([1, true]);
    expect((await cli("status", "nobody")).code).toBe(1);
    expect((await cli("ping", "newcomer", "--create", "--json")).out).toContain('"created":true');
  });

  test("CLI11 exec against a real node: the run is seen, the code passed on", async () => {
    expect((await cli("exec", "scanner", "--", "sh", "-c", "exit 5")).code).toBe(5);
    expect((await cli("status", "scanner")).out).toContain("failing");
    expect((await cli("exec", "scanner", "--", "true")).code).toBe(0);
    expect((await cli("status", "scanner")).out).toMatch(/health +ok/);
  });

  test("CLI12 CLI13 state set, get and watch see the same", async () => {
    await using watch = new CliProcess(["state", "watch", "scanner", "--url", url]);
    await watch.untilPrinted('"robot_id":"scanner","status":null');
    expect((await cli("state", "set", "scanner", "status=scanning", "/deep/n=1")).code).toBe(0);
    await watch.untilPrinted('"status":"scanning","liveness":"up"');
    const got = JSON.parse((await cli("state", "get", "scanner", "--json")).out) as {
      readonly etag: string;
    };
    expect(got).toMatchObject({ state: { status: "scanning", deep: { n: 1 } } });
    expect((await cli("state", "set", "scanner", "status=idle", "--if-match", got.etag)).code).toBe(
      0,
    );
    const stale = await cli("state", "set", "scanner", "status=x", "--if-match", got.etag);
    expect([stale.code, stale.err.includes("Nothing was changed")]).toEqual([1, true]);
    await watch.untilPrinted('"status":"idle"');
    watch.kill("SIGINT");
    const { code, out } = await watch.ended;
    expect(code).toBe(130);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => Object.keys(JSON.parse(line) as object).join()),
    ).toEqual(
      out
        .trim()
        .split("\n")
        .map(() => "robot_id,status,liveness,last_check"),
    );
  });

  test("CLI19 audit tail and verify; CLI1 peers as JSON", async () => {
    const tail = (await cli("audit", "tail", "-n", "3", "--json")).out.trim().split("\n");
    expect(tail.length).toBeGreaterThan(0);
    const verify = await cli("audit", "verify");
    expect([verify.code, verify.out.startsWith("ok: ")]).toEqual([0, true]);
    expect(JSON.parse((await cli("peers", "--json")).out)).toMatchObject({
      self: { name: "asked" },
      peers: [],
    });
  });

  test("CLI18 doctor is content with a healthy node, and fails where the key lies open", async () => {
    const well = await cli("doctor", "--data", join(root, "asked"), "--json");
    const { findings } = JSON.parse(well.out) as {
      readonly findings: readonly {
        readonly check: string;
        readonly result: string;
        readonly next?: string;
      }[];
    };
    expect(findings.filter(({ result }) => result === "fail")).toEqual([]);
    expect(well.code).toBe(0);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(["version", "node", "clock", "roster", "data", "disk"]),
    );
    expect(findings.filter(({ result, next }) => result !== "ok" && next === undefined)).toEqual(
      [],
    );
    const alone = await runCli([
      "doctor",
      "--url",
      "http://127.0.0.1:9",
      "--data",
      join(root, "none"),
    ]);
    expect(alone.code).toBe(1);
    expect(alone.out).toContain("✘ fail  node");
  });

  test("CLI6 CLI7 status -w without a terminal prints a line for each change, no escape codes", async () => {
    await using watch = new CliProcess(["status", "-w", "--url", url]);
    await watch.untilPrinted("scanner ● up");
    await cli("ping", "scanner", "fail");
    await watch.untilPrinted("health failing");
    expect(watch.out).not.toContain("\u001B");
    watch.kill("SIGINT");
    expect((await watch.ended).code).toBe(130);
  });

  test("CLI10 the log goes to stderr as JSON when it is no terminal", () => {
    const lines = node.err
      .trim()
      .split("\n")
      .filter((line) => line !== "");
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty("level");
  });
});
