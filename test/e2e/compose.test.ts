/**
 * What docker-compose.yml starts, as plain processes: each service's own command and environment, with the paths of its volumes and the
 * addresses that its networks would give it put in place. All are started at once, the first node last.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import { type ComposeService, composeConfig } from "../support/docker-compose.ts";
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
const nodeNames = Object.keys(services).filter((name) => services[name]?.build !== undefined);
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

/** Started again whenever it ends, as the file says. */
function startRobot(name: string, service: ComposeService): void {
  const [shell = "", ...flags] = service.entrypoint ?? [];
  const node = service.network_mode?.replace("service:", "") ?? "";
  const url = `http://127.0.0.1:${ports.get(node)?.http}`;
  // The file that only the image has.
  const command = (service.command ?? []).map((each) => each.replace("/app/package.json", root));
  const path = `${join(folder, "bin")}:${process.env["PATH"]}`;
  const env = { ...process.env, PATH: path, PULSEMESH_URL: url };
  const robot = spawn(shell, [...flags, ...command], { stdio: "ignore", env, detached: true });
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

test("DP6 DP3 the five nodes of the compose file find each other in any order, its robots beat, and a killed node is down and comes back", async () => {
  mkdirSync(join(folder, "join"));
  mkdirSync(join(folder, "bin"));
  symlinkSync(join(root, "packages/cli/bin/pulsemesh.js"), join(folder, "bin", "pulsemesh"));
  await using stack = new AsyncDisposableStack();
  // The first one last: the others wait for the file that it leaves.
  for (const name of nodeNames.toSorted((a, b) => (a < b ? 1 : -1))) {
    running.set(name, stack.use(start(name)));
  }
  const others = nodeNames.filter((name) => name !== "witness");
  const allUp = Object.fromEntries(others.map((name) => [name, "up"]));
  await untilSeen("witness", allUp);
  for (const [name, service] of Object.entries(services)) {
    if (service.build === undefined) startRobot(name, service);
  }
  await untilSeen("witness", { "eu-scanner": "up", "us-verifier": "up" });
  const probes = ports.get("witness")?.probes;
  expect((await fetch(`http://127.0.0.1:${probes}/readyz`)).status).toBe(200);

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
});
