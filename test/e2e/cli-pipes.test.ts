/** Readers that go away: a log pipe that closes ends no node, and a job behind a closed pipe ends as it would without us. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/cli-process.ts";
import { FakeGateway } from "../support/fake-gateway.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

const launcher = fileURLToPath(new URL("../../packages/cli/bin/pulsemesh.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "pulsemesh-pipes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** `pulsemesh ARGS` whose stdout and stderr are pipes that the test may close. */
function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [launcher, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

describe("a reader that went away", () => {
  test("CLI21 run goes on without its log pipe, and still stops as planned", async () => {
    const port = await freePort();
    const http = `127.0.0.1:${port}`;
    const url = `http://${http}`;
    const where = ["--http", http, "--listen", "/ip4/127.0.0.1/tcp/0"];
    const data = join(root, "log");
    const node = start(["run", "--data", data, "--log-level", "debug", ...where]);
    const ended = once(node, "exit");
    node.stdout?.destroy();
    node.stderr?.destroy();
    // Each of these writes a line of the log.
    const isUp = async (): Promise<boolean> =>
      (await runCli(["ping", "bot", "--create", "--url", url, "--no-spool"])).code === 0;
    await until("the node answers", isUp, 20_000);
    for (let n = 0; n < 3; n++) expect(await isUp()).toBe(true);
    expect(node.exitCode).toBeNull();
    node.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(existsSync(join(data, "pid"))).toBe(false);
  });

  test("CLI11 CLI21 a job behind a closed pipe gets the broken pipe itself, and the mesh its end", async () => {
    await using gateway = await new FakeGateway().start();
    const args = ["exec", "pipebot", "--create", "--url", gateway.url, "--"];
    const job = start([...args, "seq", "1", "2000000"]);
    const ended = once(job, "exit");
    job.stdout?.once("data", () => job.stdout?.destroy());
    const [code] = await ended;
    // A write error, or the signal of a broken pipe: it depends on what lay unread in the pipe.
    expect([1, 141]).toContain(code);
    expect(gateway.requests.map(({ url }) => url.replace(/\?.*/, ""))).toEqual([
      "/ping/pipebot/start",
      `/ping/pipebot/${code}`,
    ]);
  });

  test("CLI11 CLI21 a job that does not mind its closed pipe decides its own exit code", async () => {
    await using gateway = await new FakeGateway().start();
    const args = ["exec", "pipebot", "--url", gateway.url, "--"];
    const script =
      "trap '' PIPE; for i in 1 2 3 4 5; do echo $i; sleep 0.1; done 2>/dev/null; exit 6";
    const job = start([...args, "sh", "-c", script]);
    const ended = once(job, "exit");
    job.stdout?.once("data", () => job.stdout?.destroy());
    expect(await ended).toEqual([6, null]);
    expect(gateway.requests.at(-1)?.url).toContain("/ping/pipebot/6");
  });

  test("CLI21 a short command ends without a word", async () => {
    const help = start(["run", "--help"]);
    let err = "";
    help.stderr?.on("data", (part: Buffer) => (err += part.toString()));
    help.stdout?.destroy();
    expect((await once(help, "exit"))[1]).toBeNull();
    expect(err).toBe("");
  });

  test.skipIf(!existsSync("/dev/full"))(
    "CLI21 data that cannot be written is an error and not a success",
    async () => {
      const child = spawn(
        "sh",
        ["-c", `exec "$0" "$1" version >/dev/full`, process.execPath, launcher],
        {
          stdio: ["ignore", "ignore", "pipe"],
        },
      );
      let err = "";
      child.stderr.on("data", (part: Buffer) => (err += part.toString()));
      expect(await once(child, "close")).toEqual([2, null]);
      expect(err).toContain("Cannot write to stdout");
      expect(err).toContain("Next: ");
    },
  );
});
