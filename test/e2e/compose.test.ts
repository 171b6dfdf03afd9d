/**
 * What docker-compose.yml starts, as plain processes: each service's own command and environment, with the paths of its volumes and the
 * addresses that its networks would give it put in place. The authority of the fleet is made as its service makes it, all nodes are started at
 * once, the first node last, and then come the invites that the others wait for.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import {
  type ComposeService,
  composeConfig,
  nodesOf,
  oneShotsOf,
} from "../support/docker-compose.ts";
import { environmentOf, readDockerfile } from "../support/dockerfile.ts";
import { freePort } from "../support/free-port.ts";
import { type Loose } from "../support/node-process.ts";
import { until } from "../support/until.ts";
import { root } from "../tool.ts";

const folder = mkdtempSync(join(tmpdir(), "pulsemesh-compose-"));
const robots = new Map<string, ChildProcess>();
let isOver = false;
afterAll(() => {
  isOver = true;
  for (const { pid } of robots.values()) if (pid !== undefined) killGroup(pid);
  rmSync(folder, { recursive: true, force: true });
});

const config = composeConfig(readFileSync(join(root, "docker-compose.yml"), "utf8"));
if ("error" in config) throw new Error(config.error);
const { services } = config.file;
const nodeNames = nodesOf(config.file);
const oneShots = oneShotsOf(config.file);
const image = readDockerfile(readFileSync(join(root, "Dockerfile"), "utf8")).at(-1);
const imageEnv = image === undefined ? {} : environmentOf(image);

interface Ports {
  readonly mesh: number;
  readonly http: number;
  readonly probes: number;
}
const ports = new Map<string, Ports>();
for (const name of nodeNames) {
  ports.set(name, { mesh: await freePort(), http: await freePort(), probes: await freePort() });
}

const running = new Map<string, CliProcess>();

/** What the container would see, seen from here. */
function environment(name: string, service: ComposeService): Record<string, string> {
  const { mesh = 0, http = 0, probes = 0 } = ports.get(name) ?? {};
  const env = Object.entries({ ...imageEnv, ...service.environment }).map(
    ([key, value]): [string, string] => {
      const mounted = (service.volumes ?? []).reduce((text, volume) => {
        const [source = "", at = ""] = volume.split(":");
        return text === at || text.startsWith(`${at}/`)
          ? join(folder, source) + text.slice(at.length)
          : text;
      }, value);
      return [key, mounted.replace(`/dns4/${name}/tcp/7421`, `/dns4/localhost/tcp/${mesh}`)];
    },
  );
  if (mesh === 0) return Object.fromEntries(env);
  return {
    ...Object.fromEntries(env),
    PULSEMESH_LISTEN: `/ip4/127.0.0.1/tcp/${mesh}`,
    PULSEMESH_HTTP: `127.0.0.1:${http}`,
    PULSEMESH_PROBES: `127.0.0.1:${probes}`,
  };
}

function start(name: string): CliProcess {
  const service = services[name] ?? {};
  return new CliProcess(service.command ?? ["run"], { env: environment(name, service) });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Runs a service that ends when it is done; what it said. */
function runOnce(name: string): string {
  const service = services[name] ?? {};
  const [shell = "", ...flags] = service.entrypoint ?? [];
  const { status, stdout, stderr } = spawnSync(shell, [...flags, ...commandOf(service)], {
    env: { ...surroundings(service), ...environment(name, service) },
    encoding: "utf8",
    timeout: 60_000,
  });
  expect([name, status, stderr]).toEqual([name, 0, expect.any(String)]);
  return stdout;
}

/** With the file that only the image has replaced, and `$$` as compose reads it. */
function commandOf({ command = [] }: ComposeService): readonly string[] {
  return command.map((each) => each.replace("/app/package.json", root).replaceAll("$$", "$"));
}

/** What a shell of the image finds: `pulsemesh` on the path, and the node whose network it shares on loopback. */
function surroundings({ network_mode: mode }: ComposeService): NodeJS.ProcessEnv {
  const url = `http://127.0.0.1:${ports.get(mode?.replace("service:", "") ?? "")?.http}`;
  const path = `${join(folder, "bin")}:${process.env["PATH"]}`;
  return { ...process.env, PATH: path, PULSEMESH_URL: url };
}

/** Started again whenever it ends, as the file says. */
function startRobot(name: string, service: ComposeService): void {
  const [shell = "", ...flags] = service.entrypoint ?? [];
  const robot = spawn(shell, [...flags, ...commandOf(service)], {
    stdio: "ignore",
    env: surroundings(service),
    detached: true,
  });
  robots.set(name, robot);
  robot.once("close", () => {
    if (!isOver) setTimeout(() => startRobot(name, service), 200).unref();
  });
}

async function statuses(at: string): Promise<Readonly<Record<string, string>>> {
  const url = `http://127.0.0.1:${ports.get(at)?.http}/api/v1`;
  const ask = async (path: string): Promise<Loose> =>
    (await (await fetch(`${url}/${path}`)).json()) as Loose;
  const [peers, fleet] = await Promise.all([ask("peers"), ask("robots")]).catch(() => [{}, {}]);
  const nodes = ((peers as Loose)["peers"] ?? []) as unknown as Loose[];
  const all = ((fleet as Loose)["robots"] ?? []) as unknown as Loose[];
  return Object.fromEntries([
    ...nodes.map((node) => [node["name"], node["status"]]),
    ...all.map((robot) => [robot["robot_id"], robot["status"]]),
  ]);
}

async function untilSeen(at: string, expected: Readonly<Record<string, string>>): Promise<void> {
  let seen: Readonly<Record<string, string>> = {};
  try {
    await until(
      `${at} sees ${JSON.stringify(expected)}`,
      async () => {
        seen = await statuses(at);
        return Object.entries(expected).every(([name, status]) => seen[name] === status);
      },
      60_000,
    );
  } catch (error) {
    const said = [...running].map(([name, { err }]) => `${name}: ${err.slice(-1_500)}`);
    throw new Error(`it sees ${JSON.stringify(seen)}\n${said.join("\n")}`, { cause: error });
  }
}

interface Member {
  readonly name: string;
  readonly standing: string;
  readonly robots: readonly string[];
}

async function members(at: string): Promise<readonly Member[]> {
  const url = `http://127.0.0.1:${ports.get(at)?.http}/api/v1/authority`;
  const { grants } = (await (await fetch(url)).json()) as { readonly grants: readonly Member[] };
  return grants.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

test("DP6 DP3 ME7 the five nodes of the compose file become members by their invites in any order, its robots beat, and a killed node is down and comes back without one", async () => {
  for (const name of ["join", "bin"]) mkdirSync(join(folder, name));
  symlinkSync(join(root, "packages/cli/bin/pulsemesh.js"), join(folder, "bin", "pulsemesh"));
  const fleet = runOnce("fleet");
  await using stack = new AsyncDisposableStack();
  // The first one last: the others wait for the invites that are made there.
  for (const name of nodeNames.toSorted((a, b) => (a < b ? 1 : -1))) {
    running.set(name, stack.use(start(name)));
  }
  runOnce("invites");
  const others = nodeNames.filter((name) => name !== "witness");
  const allUp = Object.fromEntries(others.map((name) => [name, "up"]));
  await untilSeen("witness", allUp);
  for (const [name, service] of Object.entries(services)) {
    if (![...nodeNames, ...oneShots].includes(name)) startRobot(name, service);
  }
  await untilSeen("witness", { "eu-scanner": "up", "us-verifier": "up" });
  const probes = ports.get("witness")?.probes;
  expect((await fetch(`http://127.0.0.1:${probes}/readyz`)).status).toBe(200);
  expect(await members("witness")).toMatchObject([
    { name: "eu-1", standing: "granted", robots: ["*"] },
    { name: "eu-2", standing: "granted", robots: ["eu-*"] },
    { name: "us-1", standing: "granted", robots: ["us-*"] },
    { name: "us-2", standing: "granted", robots: ["us-*"] },
    { name: "witness", standing: "granted", robots: ["witness-*"] },
  ]);

  // `up` runs both again: nothing is made anew.
  const invites = readdirSync(join(folder, "join")).map((name) => join(folder, "join", name));
  expect(invites.map((path) => statSync(path).mode & 0o777)).toEqual(others.map(() => 0o600));
  const before = invites.map((path) => readFileSync(path, "utf8"));
  expect(runOnce("fleet")).toBe(fleet);
  runOnce("invites");
  expect(invites.map((path) => readFileSync(path, "utf8"))).toEqual(before);

  const cutOff = robots.get("eu-scanner")?.pid;
  running.get("eu-1")?.kill("SIGKILL");
  await untilSeen("witness", { "eu-1": "down", "eu-scanner": "down", "us-verifier": "up" });
  // In its container it would have no way to the node that starts again: only one that has ended is put into the new network.
  await until("its robot has ended", () => robots.get("eu-scanner")?.pid !== cutOff);
  stack.use(start("eu-1"));
  await untilSeen("witness", { ...allUp, "eu-scanner": "up" });

  const end = running.get("us-2");
  end?.kill("SIGTERM");
  expect((await end?.ended)?.code).toBe(0);
  await untilSeen("witness", { "us-2": "paused" });
  // A member needs no invite.
  rmSync(join(folder, "join"), { recursive: true });
  stack.use(start("us-2"));
  await untilSeen("witness", allUp);
});
