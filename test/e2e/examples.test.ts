/** The robots of examples/, each in short form, on one mesh of three nodes. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeAnswer, FakeGateway } from "../support/fake-gateway.ts";
import { type Loose, ProcessFleet } from "../support/node-process.ts";
import { until } from "../support/until.ts";
import { root } from "../tool.ts";

const folder = mkdtempSync(join(tmpdir(), "pulsemesh-examples-"));
const fleet = new ProcessFleet();
const children = new Set<ChildProcess>();
const bin = join(folder, "bin");

beforeAll(async () => {
  mkdirSync(bin);
  symlinkSync(join(root, "packages/cli/bin/pulsemesh.js"), join(bin, "pulsemesh"));
  const worker = ["--robot", "worker", "--every", "1s", "--missed", "1"];
  const checks = ["--robot", "precheck-db", "--every", "1m", "--label", "role=precheck"];
  await fleet.add({ name: "eu-1", region: "eu" }, { args: [...worker, ...checks] });
  await Promise.all([
    fleet.add({ name: "eu-2", region: "eu" }),
    fleet.add({ name: "us-1", region: "us" }),
  ]);
  await fleet.allSee(["eu-1", "eu-2", "us-1"], "up", 60_000);
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function urlOf(name: string): string {
  return `http://127.0.0.1:${fleet.node(name).options.httpPort}`;
}

interface End {
  readonly code: number | null;
  readonly out: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly ended: Promise<End>;
}

/** Starts `examples/PATH ARGS` beside a node. */
function start(path: string, args: readonly string[], env: Record<string, string>): Started {
  const script = join(root, "examples", path);
  const isNode = path.endsWith(".js");
  const child = spawn(isNode ? process.execPath : script, [...(isNode ? [script] : []), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: `${bin}:${process.env["PATH"]}`,
      PULSEMESH_SPOOL: join(folder, "spool"),
      ...env,
    },
  });
  children.add(child);
  let out = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part: Buffer) => (out += part.toString()));
  }
  const ended = new Promise<End>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out }));
  });
  return { child, out: () => out, ended };
}

async function run(path: string, args: readonly string[], at = "eu-1"): Promise<End> {
  return await start(path, args, { PULSEMESH_URL: urlOf(at) }).ended;
}

/** A robot as a node sees it that is not its home. */
async function seen(robot: string, at = "us-1"): Promise<Loose> {
  return await fleet.node(at).json(`/api/v1/robots/${robot}`);
}

async function untilSeen(robot: string, part: object, at = "us-1"): Promise<void> {
  await until(`${at} sees ${robot} as ${JSON.stringify(part)}`, async () => {
    const answer = await fleet.node(at).get(`/api/v1/robots/${robot}`);
    if (answer.status !== 200) return false;
    try {
      expect(JSON.parse(answer.text)).toMatchObject(part);
      return true;
    } catch {
      return false;
    }
  });
}

function makeFolder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test("DP9 security scanner: a planted key is found by file and line on every node, and gone when it is gone", async () => {
  const source = makeFolder("source", { "app.js": "console.log(1);\n" });
  expect(await run("security-scanner/scan.sh", [source])).toEqual({ code: 0, out: "" });
  await untilSeen("security-scanner", { health: "ok", state: { found: 0, findings: [] } });
  const secret = ["AKIA", "IOSFODNN7EXAMPLE"].join("");
  writeFileSync(join(source, 'odd "name'), `first\n${secret}\n`);
  const place = join(source, 'odd "name:2');
  expect(await run("security-scanner/scan.sh", [source])).toEqual({ code: 1, out: `${place}\n` });
  await untilSeen("security-scanner", {
    health: "failing",
    state: { found: 1, findings: [place] },
  });
  expect(JSON.stringify(await seen("security-scanner"))).not.toContain(secret);
  expect((await run("security-scanner/scan.sh", [join(folder, "none")])).code).toBe(3);
  await untilSeen("security-scanner", { health: "failing", state: { found: 1 } });
});

test("DP9 compliance bot: what everybody may write to is a violation on every node", async () => {
  const config = makeFolder("config", { "app.conf": "", "tls.key": "" });
  chmodSync(join(config, "tls.key"), 0o600);
  chmodSync(join(config, "app.conf"), 0o644);
  expect((await run("compliance-bot/check.sh", [config])).code).toBe(0);
  await untilSeen("compliance-bot", { health: "ok", state: { status: "compliant" } });
  chmodSync(join(config, "app.conf"), 0o666);
  chmodSync(join(config, "tls.key"), 0o640);
  const { code, out } = await run("compliance-bot/check.sh", [config]);
  expect([code, out]).toEqual([1, expect.stringContaining("2 violations")]);
  const state = { status: "violated", world_writable: 1, open_keys: 1, setuid: 0 };
  await untilSeen("compliance-bot", { health: "failing", state });
  expect((await run("compliance-bot/check.sh", [join(folder, "none")])).code).toBe(3);
});

test("DP9 hospital audit agent: a cut and an edited log are found, and nothing of a line is told", async () => {
  const log = join(folder, "access.log");
  const look = (at = "eu-1"): Promise<End> =>
    run("hospital-audit-agent/agent.js", [log, "--once"], at);
  writeFileSync(log, "nurse-7 read record 4711\ndoctor-2 read record 4711\n");
  expect(await look()).toEqual({ code: 0, out: "2 lines, whole\n" });
  // A line whose end is still to come is no line yet, and no edit later.
  appendFileSync(log, "nurse-7 read");
  expect(await look()).toEqual({ code: 0, out: "2 lines, whole\n" });
  appendFileSync(log, " record 12\n");
  expect(await look()).toEqual({ code: 0, out: "3 lines, whole\n" });
  await untilSeen("audit-agent", { health: "ok", state: { entries: 3 } });
  const whole = readFileSync(log, "utf8");
  writeFileSync(log, whole.replace("nurse-7", "nurse-8"));
  expect((await look()).out).toContain("edited within its first 3 lines");
  writeFileSync(log, whole.split("\n", 1).join("\n") + "\ndoctor-2 re");
  // The hash is on every node, so another one will do.
  expect(await look("us-1")).toEqual({
    code: 1,
    out: "the log was cut: 1 lines where there were 3\n",
  });
  await untilSeen("audit-agent", { health: "failing", state: { entries: 3 } });
  writeFileSync(log, whole);
  expect((await look()).code).toBe(0);
  await untilSeen("audit-agent", { health: "ok", state: { entries: 3 } });
  expect(JSON.stringify(await seen("audit-agent"))).not.toMatch(/nurse|4711/);
});

test("DP9 DAST bots: each environment has its findings, and their difference is one question", async () => {
  const site = (headers: Record<string, string>) =>
    createServer((request, response) => {
      response.writeHead(request.url === "/" ? 200 : 404, headers).end();
    });
  const careful = {
    "content-security-policy": "default-src 'self'",
    "referrer-policy": "same-origin",
  };
  const staging = site({ ...careful, "x-content-type-options": "nosniff" });
  const production = site({ ...careful, server: "nginx/1.18" });
  const urls = await Promise.all(
    [staging, production].map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    }),
  );
  try {
    expect((await run("dast-bots/compare.js", ["staging", "production"])).code).toBe(3);
    const [left, right] = await Promise.all([
      run("dast-bots/dast.js", ["staging", urls[0] ?? ""], "eu-1"),
      run("dast-bots/dast.js", ["production", urls[1] ?? ""], "us-1"),
    ]);
    expect(left).toEqual({ code: 0, out: "clean\n" });
    expect(right).toEqual({
      code: 1,
      out: "missing-header:x-content-type-options\nversion-leak\n",
    });
    await untilSeen("dast-staging", { status: "up", health: "ok" }, "eu-2");
    await untilSeen("dast-production", { status: "up", health: "failing" }, "eu-2");
    expect(await run("dast-bots/compare.js", ["staging", "production"], "eu-2")).toEqual({
      code: 1,
      out: "only production: missing-header:x-content-type-options\nonly production: version-leak\n",
    });
  } finally {
    staging.close();
    production.close();
  }
});

test("DP9 deployment coordination: goes region by region while the pre-checks are well, and not at all otherwise", async () => {
  const done = join(folder, "deployed");
  writeFileSync(done, "");
  const command = ["--", "sh", "-c", `echo "$VERSION in $REGION" >> ${done}`];
  const deploy = (version: string, at = "eu-1"): Promise<End> =>
    run("deployment-coordination/deploy.js", [version, "eu,us", ...command], at);
  const early = await deploy("1.0");
  expect([early.code, early.out]).toEqual([3, expect.stringContaining("precheck-db is new")]);
  const node = fleet.node("eu-1");
  await node.beat("precheck-db");
  await untilSeen("precheck-db", { status: "up", health: "ok" });
  expect((await deploy("1.1")).code).toBe(0);
  expect(readFileSync(done, "utf8")).toBe("1.1 in eu\n1.1 in us\n");
  await untilSeen("deployment", { health: "ok", state: { phase: "done", version: "1.1" } });

  await node.ask("POST", "/ping/precheck-db/fail");
  await untilSeen("precheck-db", { health: "failing" });
  const refused = await deploy("1.2", "us-1");
  expect([refused.code, refused.out]).toEqual([
    1,
    expect.stringContaining("precheck-db is up, failing"),
  ]);
  await node.ask("POST", "/ping/precheck-db");
  await untilSeen("precheck-db", { health: "ok" });
  await node.patch("deployment", { phase: "deploying", version: "1.3" });
  await untilSeen("deployment", { state: { phase: "deploying" } });
  const second = await deploy("1.4", "us-1");
  expect([second.code, second.out]).toEqual([1, expect.stringContaining("1.3 is being deployed")]);
  expect(readFileSync(done, "utf8")).toBe("1.1 in eu\n1.1 in us\n");
});

test("DP9 DR validation: a backup is restored for real, and a damaged, stale or missing one is failing", async () => {
  const data = makeFolder("data", { "a.txt": "one\n", "b.txt": "two\n" });
  const archive = join(folder, "newest.tar");
  const pack = async (): Promise<void> => {
    const shell = 'cd "$0" && sha256sum a.txt b.txt > SHA256SUMS && tar -c -f "$1" .';
    const child = spawn("sh", ["-c", shell, data, archive], { stdio: "inherit" });
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
  };
  const verify = (env: Record<string, string> = {}): Promise<End> =>
    start("dr-validation/verify.sh", [archive], { PULSEMESH_URL: urlOf("eu-2"), ...env }).ended;
  expect((await verify()).out).toContain("there is no backup");
  await pack();
  expect((await verify()).code).toBe(0);
  await untilSeen("dr-validation", { health: "ok", state: { status: "restorable" } }, "eu-1");
  const anHourAgo = Date.now() / 1_000 - 3_600;
  utimesSync(archive, anHourAgo, anHourAgo);
  const stale = await verify({ RPO_SECONDS: "60" });
  expect([stale.code, stale.out]).toEqual([1, expect.stringMatching(/the backup is 36\d\ds old/)]);
  const bytes = readFileSync(archive);
  bytes.write("2wo", bytes.indexOf("two\n"));
  writeFileSync(archive, bytes);
  expect((await verify()).out).toContain("restored, but not the same: b.txt: FAILED");
  await untilSeen("dr-validation", { health: "failing", state: { status: "damaged" } }, "eu-1");
});

describe("auto-healing bot", () => {
  test("DP9 P8 restarts the process of a robot that the fleet says is down, and it is up again", async () => {
    const beats = join(folder, "worker.sh");
    writeFileSync(
      beats,
      // Ends with its node, so that a test which was killed leaves nobody behind.
      `while curl -s -X POST ${urlOf("eu-1")}/heartbeat/worker; do sleep 0.3; done\n`,
    );
    const pidFile = join(folder, "worker.pid");
    const restart = ["sh", "-c", `sh ${beats} > /dev/null 2>&1 & echo $! > ${pidFile}`];
    const worker = spawn("sh", [beats], { stdio: "ignore" });
    children.add(worker);
    await untilSeen("worker", { status: "up" });
    const env = { PULSEMESH_URL: urlOf("us-1"), HEAL_SETTLE_MS: "2000" };
    const healer = start("auto-healing-bot/heal.js", ["worker", "--", ...restart], env);
    await until("the healer looks", () =>
      healer.out().includes("nothing to do for worker: it is up"),
    );
    worker.kill("SIGKILL");
    await until("it acts", () => healer.out().includes("restarted worker: exit 0"));
    try {
      await untilSeen("worker", { status: "up" }, "eu-2");
      await untilSeen("healer-worker", { status: "up", health: "ok" }, "eu-2");
    } finally {
      process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
      healer.child.kill("SIGKILL");
    }
  });

  /** A node that says of the robot what the test wants, and an event each time it is asked to wake somebody. */
  async function healerAt(
    status: () => string,
    view: object,
  ): Promise<{ gateway: FakeGateway; healer: Started }> {
    const gateway = new FakeGateway(({ url }): FakeAnswer => {
      const json = (body: object): FakeAnswer => ({ status: 200, body: JSON.stringify(body) });
      if (url.startsWith("/api/v1/peers")) return json({ view });
      if (url.startsWith("/api/v1/robots/")) return json({ status: status() });
      return { status: 200, body: "data: {}\n\n" };
    });
    await gateway.start();
    const touch = ["--", "touch", join(folder, "acted")];
    const env = { PULSEMESH_URL: gateway.url, HEAL_SETTLE_MS: "0" };
    return { gateway, healer: start("auto-healing-bot/heal.js", ["worker", ...touch], env) };
  }

  test("DP9 P8 does nothing while the robot is anything but down, or while its own node sees no majority", async () => {
    const others = ["unknown", "late", "new", "paused", "left", "up"];
    let at = 0;
    const sighted = await healerAt(() => others[at] ?? "up", { roster: 3, in_sight: 3 });
    const blind = await healerAt(() => "down", { roster: 3, in_sight: 1 });
    for (; at < others.length; at += 1) {
      await until(`it has looked at ${others[at]}`, () =>
        sighted.healer.out().includes(`it is ${others[at]}`),
      );
    }
    await until("the blind one has looked", () => blind.healer.out().includes("sees no majority"));
    expect(sighted.healer.out() + blind.healer.out()).not.toContain("restarted");
    for (const { gateway, healer } of [sighted, blind]) {
      healer.child.kill("SIGKILL");
      await gateway[Symbol.asyncDispose]();
    }
  });

  test("DP9 looks a second time before it acts, and leaves alone what has come back", async () => {
    let looks = 0;
    const flapping = (): string => (looks++ === 0 ? "down" : "up");
    const { gateway, healer } = await healerAt(flapping, { roster: 3, in_sight: 3 });
    await until("it has looked", () => healer.out().includes("nothing to do for worker: it is up"));
    expect(healer.out()).not.toContain("restarted");
    healer.child.kill("SIGKILL");
    await gateway[Symbol.asyncDispose]();
  });

  test("DP9 gives up after three acts that did not help, and says so", async () => {
    const { gateway, healer } = await healerAt(() => "down", { roster: 3, in_sight: 2 });
    await until("it gives up", () => healer.out().includes("down after 3 restarts; giving up"));
    expect(healer.out().split("restarted worker")).toHaveLength(2);
    const told = gateway.requests.filter(
      ({ url }) => url === "/heartbeat/healer-worker?health=failing",
    );
    expect(told.length).toBeGreaterThan(0);
    healer.child.kill("SIGKILL");
    await gateway[Symbol.asyncDispose]();
  });
});
