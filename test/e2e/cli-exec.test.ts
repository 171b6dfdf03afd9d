import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { FakeGateway } from "../support/fake-gateway.ts";

/** Port 9 is `discard`; nothing listens there. */
const nobody = "http://127.0.0.1:9";

const exec = (url: string, ...job: readonly string[]) =>
  runCli(["exec", "nightly", "--retry-for", "0s", "--url", url, "--", ...job]);

describe("pulsemesh exec", () => {
  test("CLI11 tells start and result of one run, and exits as the job did", async () => {
    await using gateway = await new FakeGateway().start();
    const end = await exec(gateway.url, "sh", "-c", "echo data; echo oops >&2; exit 7");
    expect(end).toEqual({ code: 7, signal: null, out: "data\n", err: "oops\n" });
    const [start, result, ...more] = gateway.requests;
    expect(more).toEqual([]);
    expect(start?.url).toMatch(/^\/ping\/nightly\/start\?rid=[0-9a-f-]{36}$/);
    expect(result?.url).toBe(start?.url.replace("/start", "/7"));
    expect(result?.body.split("\n").toSorted()).toEqual(["", "data", "oops"]);
  });

  test("CLI11 the result waits for the start to be taken, so that no run ends before it starts", async () => {
    await using gateway = await new FakeGateway(({ url }) => ({
      status: 200,
      delayMs: url.includes("/start") ? 600 : 0,
    })).start();
    expect((await exec(gateway.url, "true")).code).toBe(0);
    expect(gateway.order.map((line) => line.replace(/\?.*/, ""))).toEqual([
      "got /ping/nightly/start",
      "answered /ping/nightly/start",
      "got /ping/nightly/0",
      "answered /ping/nightly/0",
    ]);
  });

  test("CLI11 exit 0 is passed on too, and --create registers with whichever is taken first", async () => {
    await using gateway = await new FakeGateway().start();
    const args = ["exec", "nightly", "--create", "--url", gateway.url, "--", "true"];
    expect((await runCli(args)).code).toBe(0);
    expect(gateway.requests.map(({ url }) => url.replace(/rid=[^&]*/, "rid"))).toEqual([
      "/ping/nightly/start?rid&create=1",
      // The start may wait in the spool for another command to deliver it.
      "/ping/nightly/0?rid&create=1",
    ]);
  });

  test("CLI11 a mesh that cannot be reached never breaks the job: warnings on stderr, output untouched", async () => {
    const end = await exec(nobody, "sh", "-c", "cat; exit 3");
    expect(end.code).toBe(3);
    expect(end.out).toBe("");
    expect(end.err).toContain("warning: no node took the start of this run; it is kept");
    expect(end.err).toContain("warning: no node took the result of this run; it is kept");
    expect(end.err).toContain("Next: ");
  });

  test.each([
    ["a token", "--token-file"],
    ["a certificate", "--ca-file"],
  ])(
    "CLI11 CLI33 %s that cannot be read breaks no job either; only --strict tells",
    async (_what, flag) => {
      const args = ["exec", "nightly", flag, "/no/such/file", "--url", nobody];
      const end = await runCli([...args, "--", "sh", "-c", "echo ran; exit 7"]);
      expect([end.code, end.out]).toEqual([7, "ran\n"]);
      expect(end.err).toContain("warning: the mesh hears nothing of this run");
      expect(end.err).toContain("/no/such/file");
      expect(end.err.match(/warning/g)).toHaveLength(1);
      expect((await runCli([...args, "--strict", "--", "true"])).code).toBe(3);
    },
  );

  test("CLI11 a node that never answers holds the job up by the time-out at most, and not its start", async () => {
    await using gateway = await new FakeGateway(() => ({ status: 200, hang: true })).start();
    const args = [
      "exec",
      "nightly",
      "--url",
      gateway.url,
      "--timeout",
      "300ms",
      "--retry-for",
      "0s",
      "--",
      "sh",
      "-c",
      "date +%s%3N",
    ];
    const startMs = performance.now();
    const end = await runCli(args);
    expect(end.code).toBe(0);
    expect(end.err).toContain("did not answer within 300 ms");
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  test("CLI11 a robot that the mesh does not know is a warning that names --create", async () => {
    const body = JSON.stringify({
      code: "robot-unknown",
      detail: "no such robot",
      next: "x",
      changed: false,
    });
    await using gateway = await new FakeGateway(() => ({
      status: 404,
      body,
      type: "application/problem+json",
    })).start();
    const end = await exec(gateway.url, "true");
    expect(end.code).toBe(0);
    expect(end.err).toContain("--create");
  });

  test("CLI11 a job that cannot be started is 127, one that may not be 126, and the mesh hears it", async () => {
    await using gateway = await new FakeGateway().start();
    const end = await exec(gateway.url, "/no/such/job");
    expect(end.code).toBe(127);
    expect(end.err).toContain("Cannot start '/no/such/job'");
    expect(gateway.requests[1]?.url).toContain("/ping/nightly/127");
    expect((await exec(gateway.url, import.meta.filename)).code).toBe(126);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)(
    "CLI11 %s is passed on; a job that dies of it makes exit code %i",
    async (signal, code) => {
      await using gateway = await new FakeGateway().start();
      await using job = new CliProcess([
        "exec",
        "nightly",
        "--url",
        gateway.url,
        "--",
        "sh",
        "-c",
        "echo ready; exec sleep 30",
      ]);
      await job.untilPrinted("ready");
      job.kill(signal);
      expect((await job.ended).code).toBe(code);
      expect(gateway.requests[1]?.url).toContain(`/ping/nightly/${code}`);
    },
  );

  test("CLI11 CLI31 a signal after the end of the job ends the trying, and the result is kept", async () => {
    const spool = mkdtempSync(join(tmpdir(), "pulsemesh-exec-"));
    await using gateway = await new FakeGateway(({ url }) => ({
      status: url.includes("/start") ? 200 : 503,
    })).start();
    const args = ["exec", "nightly", "--retry-for", "1h", "--url", gateway.url, "--spool", spool];
    await using job = new CliProcess([...args, "--", "true"]);
    await job.until("a try", 20_000, () => gateway.requests.length > 1);
    job.kill("SIGTERM");
    const end = await job.ended;
    expect([end.code, end.signal]).toEqual([0, null]);
    expect(end.err).toContain("no node took the result of this run; it is kept");
    expect(readdirSync(spool)).toHaveLength(1);
    rmSync(spool, { recursive: true });
  });

  test("CLI11 a job that handles the signal decides its own exit code", async () => {
    const script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    await using job = new CliProcess([
      "exec",
      "nightly",
      "--retry-for",
      "0s",
      "--url",
      nobody,
      "--",
      "sh",
      "-c",
      script,
    ]);
    await job.untilPrinted("ready");
    job.kill("SIGTERM");
    const end = await job.ended;
    expect([end.code, end.out]).toEqual([9, "ready\ncaught\n"]);
  });

  test("CLI11 the last 10 kB of a long output go with the result, all of it to the reader", async () => {
    await using gateway = await new FakeGateway().start();
    const end = await exec(gateway.url, "sh", "-c", "seq 1 20000");
    expect(end.out.length).toBe(108_894);
    const body = gateway.requests[1]?.body ?? "";
    expect(body.length).toBeLessThanOrEqual(10_000);
    expect(body.endsWith("19999\n20000\n")).toBe(true);
  });

  test("CLI11 --no-capture looks at nothing, stdin goes to the job", async () => {
    await using gateway = await new FakeGateway().start();
    const args = ["exec", "nightly", "--no-capture", "--url", gateway.url, "--", "cat"];
    const end = await runCli(args, { stdin: "hello" });
    expect(end.out).toBe("hello");
    expect(gateway.requests[1]?.body).toBe("");
  });
});
