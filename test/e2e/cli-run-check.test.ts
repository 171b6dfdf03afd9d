/** What `run` refuses before it has done anything: no folder is made and nothing is opened. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../support/cli-process.ts";

const root = mkdtempSync(join(tmpdir(), "pulsemesh-check-"));
const data = join(root, "data");
const server = createServer();
let taken = 0;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  taken = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

/** An address that is documentation's and nobody's (RFC 5737). */
const nobodys = "192.0.2.1";
const mesh = ["--listen", "/ip4/127.0.0.1/tcp/0"];
const http = ["--http", "127.0.0.1:0"];

describe("pulsemesh run, before it starts", () => {
  test.each<[string, readonly string[], string]>([
    ["HTTP beyond loopback", [...mesh, "--http", "0.0.0.0:0"], "--insecure-http"],
    [
      "HTTP beyond loopback at an address of another machine",
      [...mesh, "--http", `${nobodys}:17990`],
      "--insecure-http",
    ],
    ["HTTP at a name", [...mesh, "--http", "foo:17990"], "--insecure-http"],
    [
      "HTTP at an address of another machine",
      [...mesh, "--insecure-http", "--http", `${nobodys}:17990`],
      "not an address of this machine",
    ],
    [
      "HTTP at a name that nobody knows",
      [...mesh, "--insecure-http", "--http", "no-such-host.invalid:17990"],
      "not an address of this machine",
    ],
    ["a mesh address of another machine", [...http, "--listen", `/ip4/${nobodys}/tcp/0`], nobodys],
    [
      "a member without its id",
      [...http, ...mesh, "--join", "/ip4/127.0.0.1/tcp/9"],
      "must end in the member's id",
    ],
    ["a label that core would refuse", [...http, ...mesh, "--label", "b c=1"], "--label 'b c=1'"],
  ])("CLI5 %s is refused", async (_what, args, said) => {
    const end = await runCli(["run", "--data", data, ...args]);
    expect([end.code, end.out]).toEqual([2, ""]);
    expect(end.err).toContain(said);
    expect(end.err).not.toContain("another process listens there");
    expect(end.err.match(/Nothing was changed/g)).toHaveLength(1);
    expect(existsSync(data)).toBe(false);
  });

  test("CLI5 CLI3 taken ports are refused with the next free one, and doctor is asked at the taken one", async () => {
    const at = `127.0.0.1:${taken}`;
    const byHttp = await runCli(["run", "--data", data, ...mesh, "--http", at]);
    expect(byHttp.code).toBe(2);
    expect(byHttp.err).toContain(`Cannot serve HTTP on ${at}: another process listens there.`);
    expect(byHttp.err).toContain(`pulsemesh doctor --url http://${at}`);
    const listen = `/ip4/127.0.0.1/tcp/${taken}`;
    const byMesh = await runCli(["run", "--data", data, ...http, "--listen", listen]);
    expect(byMesh.code).toBe(2);
    expect(byMesh.err).toMatch(/Next: --listen \/ip4\/127\.0\.0\.1\/tcp\/\d+/);
    expect(existsSync(data)).toBe(false);
  });
});
