/** From nothing to a fleet with members in three commands, and every other way in and out, by real processes. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CliProcess, runCli, type CliEnd } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";

let dir: string;
let running: CliProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-enrol-"));
});
afterEach(async () => {
  await Promise.all(running.map((process) => process[Symbol.asyncDispose]()));
  running = [];
  rmSync(dir, { recursive: true, force: true });
});

interface Running {
  readonly url: string;
  readonly process: CliProcess;
}

/** `pulsemesh run` in a folder of its own, until it is there. */
async function start(name: string, ...args: readonly string[]): Promise<Running> {
  const port = await freePort();
  const process = new CliProcess([
    "run",
    `--data=${join(dir, name)}`,
    `--name=${name}`,
    "--profile=local",
    `--http=127.0.0.1:${port}`,
    `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`,
    ...args,
  ]);
  running.push(process);
  const url = `http://127.0.0.1:${port}`;
  await process.untilPrinted("try: curl");
  return { url, process };
}

const cli = (at: Running, ...args: readonly string[]): Promise<CliEnd> =>
  runCli([...args, "--url", at.url]);

async function ok(end: Promise<CliEnd>): Promise<string> {
  const { code, out, err } = await end;
  if (code !== 0) throw new Error(`exit ${code}: ${err}`);
  return out.trim();
}

async function statusesAt(at: Running): Promise<string> {
  const answer = await fetch(`${at.url}/api/v1/peers`);
  const { peers } = (await answer.json()) as {
    readonly peers: readonly { readonly name: string; readonly status: string }[];
  };
  return peers
    .map(({ name, status }) => `${name} ${status}`)
    .toSorted()
    .join(", ");
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const see = (at: Running, what: string): Promise<void> =>
  until(what, async () => (await statusesAt(at)) === what);

test("ME1, ME7, CLI46 init, invite and join make a member; run --join INVITE does the last two steps at once; others stay out", async () => {
  await ok(runCli(["init", "--data", join(dir, "alpha"), "--root", join(dir, "root")]));
  const alpha = await start("alpha");
  const invite = await ok(cli(alpha, "invite", "--robots", "zap-*", "--region", "eu"));
  const line = await ok(runCli(["join", invite, "--data", join(dir, "beta"), "--name", "beta"]));
  expect(line).toMatch(
    /^pulsemesh run --data \S+ --join \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3KooW/,
  );
  const [, address = ""] = / --join (\S+)/.exec(line) ?? [];
  const beta = await start("beta", "--join", address);
  const gamma = await start("gamma", "--join", await ok(cli(alpha, "invite")));
  await see(alpha, "beta up, gamma up");
  await see(beta, "alpha up, gamma up");
  expect((await fetch(`${beta.url}/heartbeat/zap-1`, { method: "POST" })).status).toBe(200);
  expect((await fetch(`${beta.url}/heartbeat/other`, { method: "POST" })).status).toBe(403);
  expect(await ok(cli(gamma, "grant", "list"))).toMatch(/^beta +granted +robot +zap-\* +eu /m);
  const listen = `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`;
  const eve = await runCli(["run", listen, "--data", join(dir, "eve"), "--join", address]);
  expect([eve.code, eve.err]).toEqual([2, expect.stringContaining("pulsemesh invite")]);
  await see(alpha, "beta up, gamma up");
  const again = await runCli(["join", invite, "--data", join(dir, "eve2")]);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("as many have used it")]);
}, 120_000);

test("ME7, CLI46 a node that reaches nobody asks by a file and is answered by a file", async () => {
  await ok(runCli(["init", "--data", join(dir, "alpha"), "--root", join(dir, "root")]));
  const alpha = await start("alpha");
  const far = join(dir, "far");
  const request = join(dir, "request");
  writeFileSync(request, await ok(runCli(["request", "--data", far, "--name", "far"])));
  const granted = join(dir, "grant.json");
  writeFileSync(granted, await ok(cli(alpha, "grant", "sign", request, "--robots", "bot")));
  await ok(runCli(["join", granted, "--data", far]));
  const other = await runCli(["join", granted, "--data", join(dir, "other")]);
  expect([other.code, other.err]).toEqual([2, expect.stringContaining("no member")]);
  const peers = JSON.parse(await ok(cli(alpha, "peers", "--json"))) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  const node = await start("far", "--join", peers.self.addresses[0] ?? "");
  await see(alpha, "far up");
  await see(node, "alpha up");
}, 120_000);

test("ME1, ME3, CLI46 a revoked node is out everywhere and stays out when it comes again, and key show names keys without secrets", async () => {
  await ok(runCli(["init", "--data", join(dir, "alpha"), "--root", join(dir, "root")]));
  const alpha = await start("alpha");
  const beta = await start("beta", "--join", await ok(cli(alpha, "invite")));
  await see(alpha, "beta up");
  await fetch(`${beta.url}/heartbeat/bot`, { method: "POST" });
  await until("bot is seen", async () => (await fetch(`${alpha.url}/status/bot`)).status === 200);
  await ok(cli(alpha, "revoke", "beta", "--reason", "stolen"));
  await see(alpha, "");
  await until("bot has left", async () => (await fetch(`${alpha.url}/status/bot`)).status === 410);
  expect(await ok(cli(alpha, "grant", "list"))).toContain(": stolen");
  await beta.process.until("beta to be told why", 20_000, () =>
    beta.process.err.includes("revoked"),
  );
  await beta.process[Symbol.asyncDispose]();
  await start("beta");
  await until("beta to be turned away", async () =>
    /reason="(?:peer-denied|revoked)"\} [1-9]/.test(
      await (await fetch(`${alpha.url}/metrics`)).text(),
    ),
  );
  await see(alpha, "");
  const keys = await ok(
    runCli(["key", "show", "--data", join(dir, "alpha"), "--root", join(dir, "root")]),
  );
  const secret = readFileSync(join(dir, "alpha", "issuer.key"), "utf8").trim();
  expect(keys.split("\n").map((row) => row.split(" ")[0])).toEqual([
    "KEY",
    "node",
    "audit",
    "cosign",
    "issuer",
    "root",
    "next-root",
  ]);
  expect(keys).not.toContain(secret);
}, 120_000);

test("ME6, CLI46 init is repeated without harm, and seals the root's keys with a passphrase", async () => {
  const [data, root, file] = [join(dir, "alpha"), join(dir, "root"), join(dir, "pass")];
  writeFileSync(file, "correct horse battery\n", { mode: 0o600 });
  const args = ["init", "--data", data, "--root", root, "--passphrase-file", file];
  const made = await ok(runCli(args));
  expect(made).toMatch(/^fleet [a-z2-7]{52}$/);
  const again = await runCli(args);
  expect([again.code, again.out.trim()]).toEqual([0, made]);
  expect(again.err).toContain("nothing was changed");
  expect(readFileSync(join(root, "fleet-root.key"), "utf8")).toMatch(/^\{"v":1/);
  const json = JSON.parse(await ok(runCli([...args, "--json"]))) as { readonly status: string };
  expect(json.status).toBe("present");
}, 60_000);

test("ME7, CLI46 by an address alone nobody becomes a member and nothing is pinned, unless the issuer takes everybody, which it says", async () => {
  await ok(runCli(["init", "--data", join(dir, "alpha"), "--root", join(dir, "root")]));
  const closed = await start("alpha");
  const { self } = JSON.parse(await ok(cli(closed, "peers", "--json"))) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  const [address = ""] = self.addresses;
  const args = ["run", "--data", join(dir, "beta"), "--name", "beta", "--profile", "local"];
  const places = ["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--join", address];
  const refused = await runCli([...args, ...places]);
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("pulsemesh invite")]);
  expect(existsSync(join(dir, "beta", "fleet.json"))).toBe(false);
  closed.process.kill("SIGTERM");
  await closed.process.ended;
  const open = await start("alpha", "--open");
  expect(open.process.out).toContain("whoever reaches this node becomes a member for a day");
  const again = JSON.parse(await ok(cli(open, "peers", "--json"))) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  const beta = await start("beta", "--join", again.self.addresses[0] ?? "");
  await see(open, "beta up");
  await see(beta, "alpha up");
  expect(await (await fetch(`${open.url}/metrics`)).text()).toContain(
    "pulsemesh_takes_everybody 1",
  );
  const alone = await runCli([
    "run",
    "--data",
    join(dir, "gamma"),
    "--open",
    ...places.slice(0, 4),
  ]);
  expect([alone.code, alone.err]).toEqual([2, expect.stringContaining("pulsemesh init")]);
}, 120_000);
