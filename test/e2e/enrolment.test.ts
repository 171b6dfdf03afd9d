/** From nothing to a fleet with members in three commands, and every other way in and out, by real processes. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../support/cli-process.ts";
import { CliFleet, cliAt, outOf, type RunningNode } from "../support/cli-fleet.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

const WITHIN_MS = 20_000;

let fleet: CliFleet;
beforeEach(() => {
  fleet = new CliFleet();
});
afterEach(() => fleet.end());

async function statusesAt(at: RunningNode): Promise<string> {
  const answer = await fetch(`${at.url}/api/v1/peers`);
  const { peers } = (await answer.json()) as {
    readonly peers: readonly { readonly name: string; readonly status: string }[];
  };
  return peers
    .map(({ name, status }) => `${name} ${status}`)
    .toSorted()
    .join(", ");
}

const see = (at: RunningNode, what: string): Promise<void> =>
  until(what, async () => (await statusesAt(at)) === what, WITHIN_MS);

test("ME1, ME7, CLI46 init, invite and join make a member; run --join INVITE does the last two steps at once; others stay out", async () => {
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", fleet.path("root")]));
  const alpha = await fleet.start("alpha");
  const invite = await outOf(cliAt(alpha, "invite", "--robots", "zap-*", "--region", "eu"));
  const line = await outOf(
    runCli(["join", invite, "--data", fleet.path("beta"), "--name", "beta"]),
  );
  expect(line).toMatch(
    /^pulsemesh run --data \S+ --join \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3KooW\S+ --name beta$/m,
  );
  const [, address = ""] = / --join (\S+)/.exec(line) ?? [];
  const beta = await fleet.start("beta", "--join", address);
  const gamma = await fleet.start("gamma", "--join", await outOf(cliAt(alpha, "invite")));
  await see(alpha, "beta up, gamma up");
  await see(beta, "alpha up, gamma up");
  expect((await fetch(`${beta.url}/heartbeat/zap-1`, { method: "POST" })).status).toBe(200);
  expect((await fetch(`${beta.url}/heartbeat/other`, { method: "POST" })).status).toBe(403);
  expect(await outOf(cliAt(gamma, "grant", "list"))).toMatch(/^beta +granted +robot +zap-\* +eu /m);
  const listen = `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`;
  const eve = await runCli(["run", listen, "--data", fleet.path("eve"), "--join", address]);
  expect([eve.code, eve.err]).toEqual([2, expect.stringContaining("pulsemesh invite")]);
  await see(alpha, "beta up, gamma up");
  const again = await runCli(["join", invite, "--data", fleet.path("eve2")]);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("as many have used it")]);
}, 120_000);

test("ME7, CLI46 a node that reaches nobody asks by a file and is answered by a file", async () => {
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", fleet.path("root")]));
  const alpha = await fleet.start("alpha");
  const far = fleet.path("far");
  const request = fleet.path("request");
  writeFileSync(request, await outOf(runCli(["request", "--data", far, "--name", "far"])));
  const granted = fleet.path("grant.json");
  writeFileSync(granted, await outOf(cliAt(alpha, "grant", "sign", request, "--robots", "bot")));
  await outOf(runCli(["join", granted, "--data", far]));
  const other = await runCli(["join", granted, "--data", fleet.path("other")]);
  expect([other.code, other.err]).toEqual([2, expect.stringContaining("no member")]);
  const peers = JSON.parse(await outOf(cliAt(alpha, "peers", "--json"))) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  const node = await fleet.start("far", "--join", peers.self.addresses[0] ?? "");
  await see(alpha, "far up");
  await see(node, "alpha up");
}, 120_000);

test("CFG13, ME7, DP3, CLI46 a folder that run would refuse costs no invite, and one that mail has broken makes a member out of a file, by join and by run", async () => {
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", fleet.path("root")]));
  const alpha = await fleet.start("alpha");
  const inFile = async (name: string): Promise<string> => {
    const lines = (await outOf(cliAt(alpha, "invite"))).match(/.{1,60}/g) ?? [];
    writeFileSync(fleet.path(name), `> ${lines.join("\n> ")}\n`);
    return fleet.path(name);
  };
  const [data, mail] = [fleet.path("beta"), await inFile("mail")];
  mkdirSync(data);
  chmodSync(data, 0o755);
  const open = await runCli(["join", mail, "--data", data]);
  expect([open.code, open.err]).toEqual([2, expect.stringContaining(`chmod go= ${data}`)]);
  expect(readdirSync(data)).toEqual([]);
  expect(await outOf(cliAt(alpha, "invite", "--list"))).toContain("0/1");
  chmodSync(data, 0o700);
  await outOf(runCli(["join", mail, "--data", data]));
  await fleet.start("beta");
  await fleet.start("gamma", "--join-file", await inFile("other mail"));
  await see(alpha, "beta up, gamma up");
}, 120_000);

test("ME1, ME3, CLI46 a revoked node is out everywhere and stays out when it comes again, and key show names keys without secrets", async () => {
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", fleet.path("root")]));
  const alpha = await fleet.start("alpha");
  const beta = await fleet.start("beta", "--join", await outOf(cliAt(alpha, "invite")));
  await see(alpha, "beta up");
  await fetch(`${beta.url}/heartbeat/bot`, { method: "POST" });
  await until(
    "bot is seen",
    async () => (await fetch(`${alpha.url}/status/bot`)).status === 200,
    WITHIN_MS,
  );
  await outOf(cliAt(alpha, "revoke", "beta", "--reason", "stolen"));
  await see(alpha, "");
  await until(
    "bot has left",
    async () => (await fetch(`${alpha.url}/status/bot`)).status === 410,
    WITHIN_MS,
  );
  expect(await outOf(cliAt(alpha, "grant", "list"))).toMatch(
    /^revoked beta \(12D3\w+\) at .*: stolen$/m,
  );
  // It is listed nowhere else any more.
  const twice = await cliAt(alpha, "revoke", "beta");
  expect([twice.code, twice.err]).toEqual([
    0,
    expect.stringMatching(
      /^beta \(12D3\w+\) was revoked already, at .*: stolen; nothing was changed/,
    ),
  ]);
  await beta.process.until("beta to be told why", 20_000, () =>
    beta.process.err.includes("revoked"),
  );
  await beta.process[Symbol.asyncDispose]();
  await fleet.start("beta");
  await until(
    "beta to be turned away",
    async () =>
      /reason="(?:peer-denied|revoked)"\} [1-9]/.test(
        await (await fetch(`${alpha.url}/metrics`)).text(),
      ),
    WITHIN_MS,
  );
  await see(alpha, "");
  const keys = await outOf(
    runCli(["key", "show", "--data", fleet.path("alpha"), "--root", fleet.path("root")]),
  );
  const secret = readFileSync(join(fleet.path("alpha"), "issuer.key"), "utf8").trim();
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
  const [data, root, file] = [fleet.path("alpha"), fleet.path("root"), fleet.path("pass")];
  writeFileSync(file, "correct horse battery\n", { mode: 0o600 });
  const args = ["init", "--data", data, "--root", root, "--passphrase-file", file];
  const made = await outOf(runCli(args));
  expect(made).toMatch(/^fleet [a-z2-7]{52}$/);
  const again = await runCli(args);
  expect([again.code, again.out.trim()]).toEqual([0, made]);
  expect(again.err).toContain("nothing was changed");
  expect(readFileSync(join(root, "fleet-root.key"), "utf8")).toMatch(/^\{"v":1/);
  const json = JSON.parse(await outOf(runCli([...args, "--json"]))) as { readonly status: string };
  expect(json.status).toBe("present");
}, 60_000);

test("ME1, ME7, CLI46 a fleet that nobody has prepared is closed: by an address alone nobody becomes a member and nothing is pinned, unless the issuer takes everybody, which it says", async () => {
  const closed = await fleet.start("alpha");
  const keys = join(fleet.path("alpha"), "root");
  await until("a word about the root's keys", async () => closed.process.err.includes(keys), 5_000);
  const { self } = JSON.parse(await outOf(cliAt(closed, "peers", "--json"))) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  const [address = ""] = self.addresses;
  const args = ["run", "--data", fleet.path("beta"), "--name", "beta", "--profile", "local"];
  const places = ["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--join", address];
  const refused = await runCli([...args, ...places]);
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("pulsemesh invite")]);
  expect(existsSync(join(fleet.path("beta"), "fleet.json"))).toBe(false);
  closed.process.kill("SIGTERM");
  await closed.process.ended;
  const open = await fleet.start("alpha", "--open");
  await open.process.untilPrinted(
    "whoever reaches this node becomes a member, for a day at a time",
  );
  const again = JSON.parse(await outOf(cliAt(open, "peers", "--json"))) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  const beta = await fleet.start("beta", "--join", again.self.addresses[0] ?? "");
  await see(open, "beta up");
  await see(beta, "alpha up");
  expect(await (await fetch(`${open.url}/metrics`)).text()).toContain(
    "pulsemesh_takes_everybody 1",
  );
  const powerless = await runCli(["run", "--data", fleet.path("gamma"), "--open", ...places]);
  expect([powerless.code, powerless.err]).toEqual([2, expect.stringContaining("no issuer's key")]);
}, 120_000);
