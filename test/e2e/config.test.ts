/** Issue 3, item 3: config file, logs, reload, TLS and token, each with real `pulsemesh` processes. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { waitFor } from "../support/node-process.ts";
import { askSecurely, copyPair, type SecureAnswer } from "../support/tls-files.ts";

const root = mkdtempSync(join(tmpdir(), "pulsemesh-config-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const corpus = fileURLToPath(new URL("../support/bad-configs/", import.meta.url));
const token = "a-token-for-the-tests";

interface Started {
  readonly http: string;
  readonly name: string;
  readonly data: string;
  readonly config: string;
}

async function startWith(
  config: string,
  ...more: readonly string[]
): Promise<[CliProcess, Started]> {
  const node = new CliProcess([
    "run",
    "--config",
    config,
    "--json",
    "--log-format",
    "json",
    ...more,
  ]);
  await node.untilPrinted("\n");
  return [node, JSON.parse(node.out) as Started];
}

test("CFG2 config check finds the corpus of bad files whole, each with line and hint, in one go", async () => {
  const names = readdirSync(corpus).filter((name) => name.endsWith(".yaml"));
  expect(names.length).toBeGreaterThanOrEqual(30);
  const { code, out, err } = await runCli([
    "config",
    "check",
    ...names.map((name) => corpus + name),
  ]);
  expect([code, err]).toEqual([2, ""]);
  for (const name of names) {
    expect(out).toMatch(new RegExp(`bad-configs/${name}:\\d+:\\d+: .+ Next: .+\\.$`, "m"));
  }
});

test("CFG1 CFG2 run refuses a bad file with all its faults before it starts anything; config init makes a good one", async () => {
  const made = join(root, "made.yaml");
  expect((await runCli(["config", "init", "--out", made])).code).toBe(0);
  expect((await runCli(["config", "check", made])).code).toBe(0);
  const bad = join(root, "bad.yaml");
  writeFileSync(bad, `node:\n  data: never\n  nmae: x\nlog:\n  level: loud\n`);
  const end = await runCli(["run", "--config", bad]);
  expect([end.code, end.out]).toEqual([2, ""]);
  const [first, second, sum, next] = end.err.split("\n");
  expect(first).toContain(
    "bad.yaml:3:3: There is no setting 'nmae' in node. Did you mean node.name?",
  );
  expect(second).toContain("bad.yaml:5:10: ");
  expect(sum).toBe("pulsemesh run: Cannot use the config file as it has 2 faults.");
  expect(next).toContain("Nothing was changed. Next: ");
  expect(readdirSync(root)).not.toContain("never");
});

function fleetFile(name: string, level: string, robots: string): string {
  return `
node: {name: ${name}, data: ./fleet-data}
http:
  listen: 127.0.0.1:0
  token_file: ./token
  tls: {cert_file: ./tls.crt, key_file: ./tls.key}
mesh: {listen: [/ip4/127.0.0.1/tcp/0]}
log: {level: ${level}}
defaults: {labels: {team: "\${TEAM:-sec}"}}
robots:
${robots}
`;
}

const scanner = (every: string): string => `  - {id: scanner, every: ${every}}\n`;
const backup = `  - {id: backup, cron: "0 3 * * *", tz: Europe/Berlin, grace: 1h}\n`;

test("CFG8 CFG9 CFG10 CFG11 CFG12 a node with certificate, token and robots from a file reloads what it can and keeps the old when it cannot", async () => {
  const config = join(root, "fleet.yaml");
  copyPair("first", join(root, "tls"));
  writeFileSync(join(root, "token"), `${token}\n`, { mode: 0o600 });
  writeFileSync(config, fleetFile("alpha", "warn", scanner("10s") + backup));
  const [node, { http, name, data, config: read }] = await startWith(config, "--name", "flag");
  await using _node = node;
  expect([name, data, read]).toEqual(["flag", join(root, "fleet-data"), config]);
  expect(http).toMatch(/^https:/);
  const ask = (path: string, method = "GET", by = token): Promise<SecureAnswer> =>
    askSecurely(http + path, { method, token: by });
  const robot = async (id: string): Promise<object> =>
    JSON.parse((await ask(`/api/v1/robots/${id}`)).text) as object;
  const metrics = async (): Promise<string> => (await ask("/metrics")).text;
  expect(await robot("scanner")).toMatchObject({
    schedule: { every_ms: 10_000 },
    labels: { team: "sec" },
  });
  expect(await robot("backup")).toMatchObject({ schedule: { time_zone: "Europe/Berlin" } });
  expect((await askSecurely(`${http}/api/v1/robots`)).status).toBe(401);
  const hash = /pulsemesh_config_hash (\d+)/.exec(await metrics())?.[1];

  // By HTTP: certificate, token, log level and a robot change, another is gone, the name would need a restart (no: a flag says it).
  copyPair("second", join(root, "tls"));
  writeFileSync(join(root, "token"), "the-next-token-of-all", { mode: 0o600 });
  writeFileSync(
    config,
    fleetFile("beta", "info", scanner("20s")).replace("tcp/0]", "tcp/0, /ip4/127.0.0.1/tcp/0]"),
  );
  const answer = await ask("/-/reload", "POST");
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
    200,
    {
      applied: ["robot scanner", "log.level", "http.tls", "http.token_file"],
      needs_restart: ["mesh.listen"],
      no_longer_named: ["backup"],
    },
  ]);
  expect((await ask("/livez")).name).toBe("second");
  expect((await ask("/api/v1/robots")).status).toBe(401);
  const next = "the-next-token-of-all";
  const after = await ask("/api/v1/robots/scanner", "GET", next);
  expect(JSON.parse(after.text)).toMatchObject({ schedule: { every_ms: 20_000 } });
  await node.until("the log in the new level", 5_000, () =>
    node.err.includes("needs a restart: mesh.listen"),
  );

  // By SIGHUP, with a fault: the old stays, but for the certificate, which was renewed beside it.
  copyPair("first", join(root, "tls"));
  writeFileSync(config, `${fleetFile("alpha", "debug", scanner("40s"))}robts: []\n`);
  node.kill("SIGHUP");
  await node.until("the fault in the log", 10_000, () =>
    node.err.includes("fleet.yaml:13:1: There is no setting 'robts'"),
  );
  const bad = (await ask("/metrics", "GET", next)).text;
  expect(bad).toContain("pulsemesh_config_last_reload_successful 0");
  expect((await ask("/livez")).name).toBe("first");
  const kept = await ask("/api/v1/robots/scanner", "GET", next);
  expect(JSON.parse(kept.text)).toMatchObject({ schedule: { every_ms: 20_000 } });
  const refused = await ask("/-/reload", "POST", next);
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
    422,
    { code: "config-invalid", detail: expect.stringContaining("Did you mean robots?") },
  ]);

  // By SIGHUP, mended.
  writeFileSync(config, fleetFile("alpha", "error", scanner("40s")));
  node.kill("SIGHUP");
  await waitFor("the mended file", 10_000, async () =>
    (await ask("/metrics", "GET", next)).text.includes("pulsemesh_config_last_reload_successful 1"),
  );
  const good = (await ask("/metrics", "GET", next)).text;
  expect(/pulsemesh_config_hash (\d+)/.exec(good)?.[1]).not.toBe(hash);
  expect(good).toMatch(/pulsemesh_http_certificate_expiry_timestamp_seconds 4\d{9}\n/);
  for (const line of node.err.trim().split("\n")) {
    if (line.startsWith("{")) expect(JSON.parse(line)).toHaveProperty("level");
  }

  // The commands that ask: with the certificate and the token they are let in, without they say what to give.
  const url = http.replace("127.0.0.1", "localhost");
  const secure = ["--url", url, "--ca-file", join(root, "tls.crt")];
  const status = await runCli([
    "status",
    "scanner",
    ...secure,
    "--token-file",
    join(root, "token"),
  ]);
  expect([status.code, status.out]).toEqual([0, expect.stringContaining("scanner")]);
  const env = {
    PULSEMESH_URL: url,
    PULSEMESH_CA_FILE: join(root, "tls.crt"),
    PULSEMESH_TOKEN_FILE: join(root, "token"),
  };
  expect((await runCli(["ping", "scanner"], { env })).out).toBe("OK\n");
  const nameless = await runCli(["status", ...secure]);
  expect([nameless.code, nameless.err]).toEqual([2, expect.stringContaining("--token-file")]);
  const distrusted = await runCli(["status", "--url", url]);
  expect([distrusted.code, distrusted.err]).toEqual([3, expect.stringContaining("--ca-file")]);

  node.kill("SIGTERM");
  expect((await node.ended).code).toBe(0);
  expect(readFileSync(config, "utf8")).toContain("error");
}, 60_000);

test("CFG13 a data folder that others may enter is exit 2 with the chmod to type, unless --shared-data says that it is meant", async () => {
  const data = join(root, "open-data");
  mkdirSync(data);
  chmodSync(data, 0o755);
  const args = ["--data", data, "--http", ":0", "--listen", "/ip4/127.0.0.1/tcp/0"];
  const end = await runCli(["run", ...args]);
  expect([end.code, end.err]).toEqual([2, expect.stringContaining(`chmod go= ${data}`)]);
  expect(readdirSync(data)).toEqual([]);
  await using node = new CliProcess(["run", ...args], { env: { PULSEMESH_SHARED_DATA: "1" } });
  await node.untilPrinted("address  /");
  expect(node.err).toContain("others on this machine may enter");
});

test("CFG11 CFG12 files that are no pair, or that every user may read, are exit 2 with what to do", async () => {
  const { keyFile } = copyPair("first", join(root, "one"));
  const { certFile } = copyPair("second", join(root, "two"));
  const tls = await runCli(["run", "--tls-cert", certFile, "--tls-key", keyFile]);
  expect([tls.code, tls.err]).toEqual([
    2,
    expect.stringContaining("not the key of the certificate"),
  ]);
  chmodSync(keyFile, 0o644);
  const open = await runCli(["run", "--tls-cert", certFile, "--tls-key", keyFile]);
  expect([open.code, open.err]).toEqual([2, expect.stringContaining(`chmod o= ${keyFile}`)]);
});

test("CFG8 without a config file SIGHUP is a planned stop", async () => {
  await using node = new CliProcess([
    "run",
    "--data",
    join(root, "hup"),
    "--http",
    ":0",
    "--listen",
    "/ip4/127.0.0.1/tcp/0",
  ]);
  await node.untilPrinted("address  /");
  node.kill("SIGHUP");
  expect((await node.ended).code).toBe(0);
});
