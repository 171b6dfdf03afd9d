/** The unit file for systemd: checked by systemd's own tools, and its command run with a socket in place of the manager. */
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import { NotifySocket, systemdAnalyze, systemdEnv } from "../support/systemd.ts";
import { until } from "../support/until.ts";
import { root } from "../tool.ts";

const folder = mkdtempSync(join(tmpdir(), "pulsemesh-systemd-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const unit = readFileSync(join(root, "deploy/systemd/pulsemesh.service"), "utf8");

/** All values of a setting. */
function setting(name: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean);
}

/** A child that nobody asks after yet is a zombie. */
function hasEnded(pid: string): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

test("DP7 systemd takes the unit file, and finds little that it could break into from there", () => {
  const path = join(folder, "pulsemesh.service");
  // Where Node is on this machine.
  writeFileSync(path, unit.replace("/usr/bin/node", process.execPath));
  expect(systemdAnalyze("verify", path)).toEqual({ status: 0, out: "" });
  const { out } = systemdAnalyze("security", "--offline=true", path);
  const exposure = Number(/Overall exposure level for pulsemesh.service: ([\d.]+)/.exec(out)?.[1]);
  expect(exposure).toBeLessThanOrEqual(2);
});

test("DP4 DP7 what the unit starts says that it is ready, feeds the watchdog, says how it is, reloads, and ends well", async () => {
  const [command = ""] = setting("ExecStart");
  const config = join(folder, "config.yaml");
  cpSync(join(root, "deploy/systemd/config.yaml"), config);
  const args = ["run", "--config", "/etc/pulsemesh/config.yaml"];
  expect(command).toBe(`/usr/bin/node /opt/pulsemesh/bin/pulsemesh.js ${args.join(" ")}`);
  expect(setting("ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
  expect(setting("Type")).toEqual(["notify"]);
  expect(setting("NotifyAccess")).toEqual(["all"]);
  const env = Object.fromEntries(
    setting("Environment")
      .flatMap((line) => line.split(" "))
      .map((pair) => pair.split("=") as [string, string]),
  );
  expect(env).toMatchObject({ PULSEMESH_DATA: "/var/lib/pulsemesh", XDG_CACHE_HOME: "/var/cache" });
  const socket = join(folder, "notify");
  using manager = new NotifySocket(socket);
  await until("the manager listens", () => manager.listens);
  await using node = new CliProcess(["run", "--config", config, "--http", "127.0.0.1:0"], {
    env: {
      ...systemdEnv(),
      ...env,
      PULSEMESH_DATA: join(folder, "data"),
      XDG_CACHE_HOME: folder,
      PULSEMESH_LISTEN: "/ip4/127.0.0.1/tcp/0",
      NOTIFY_SOCKET: socket,
      WATCHDOG_USEC: "1000000",
    },
  });
  const said = (word: string): number =>
    manager.messages.filter((message) => message.includes(word)).length;
  await until("it is ready", () => said("READY=1") > 0);
  expect(manager.messages[0]).toEqual([
    "STATUS=looking for the fleet",
    "EXTEND_TIMEOUT_USEC=60000000",
  ]);
  await until("the watchdog is fed again and again", () => said("WATCHDOG=1") >= 3);
  expect(said("STATUS=ready, alone in its fleet")).toBeGreaterThan(2);

  // A process that stands still feeds nothing. What was under way when it stopped still comes.
  node.kill("SIGSTOP");
  await until("what it had started has ended", () => childrenOf(node.pid).every(hasEnded));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = said("WATCHDOG=1");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(said("WATCHDOG=1")).toBe(before);
  node.kill("SIGCONT");

  appendFileSync(config, "  - id: scanner\n    every: 5m\n");
  node.kill("SIGHUP");
  await until("it has reloaded", () => said("READY=1") === 2);
  expect(said("RELOADING=1")).toBe(1);
  await node.until("the new robot", 30_000, () => node.err.includes("robot scanner"));

  node.kill("SIGTERM");
  expect((await node.ended).code).toBe(0);
  await until("it has said that it stops", () => said("STOPPING=1") === 1);
  expect(node.err).not.toContain("service manager");
});

test("DP4 a node whose manager cannot be told goes on and says so once", async () => {
  await using node = new CliProcess(
    ["run", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"],
    {
      env: {
        PULSEMESH_DATA: join(folder, "untold"),
        PATH: folder,
        NOTIFY_SOCKET: join(folder, "nobody"),
        WATCHDOG_USEC: "400000",
      },
    },
  );
  await node.untilPrinted("address  /");
  const warning = "Cannot tell the service manager how this node is: cannot start systemd-notify";
  await node.until("a warning", 30_000, () => node.err.includes(warning));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(node.err.split(warning)).toHaveLength(2);
  node.kill("SIGTERM");
  expect((await node.ended).code).toBe(0);
});
