/** The gateway with a certificate and a token: who gets in, and what may change while it is open. */
import { type Gateway, startGateway } from "@pulsemesh/gateway";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedNode } from "../support/scripted-node.ts";
import { askSecurely, pemOf } from "../support/tls-files.ts";

const token = "a-token-for-the-tests";
const expiresWallMs = Date.UTC(2126, 0, 1);
let dir: string;
let gateway: Gateway;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-tls-"));
  gateway = await startGateway(new ScriptedNode(), {
    host: "0.0.0.0",
    port: 0,
    tls: { ...pemOf("first"), expiresWallMs },
    token,
    socket: { path: join(dir, "node.sock") },
  });
});

afterEach(async () => {
  await gateway.close();
  rmSync(dir, { recursive: true, force: true });
});

test("HT20 CFG11 with certificate and token it serves beyond loopback, by HTTPS only", async () => {
  expect(gateway.url).toBe(`https://127.0.0.1:${gateway.port}`);
  expect(await askSecurely(`${gateway.url}/livez`)).toMatchObject({ status: 200, name: "first" });
  const plain = connect(gateway.port, "127.0.0.1");
  plain.write("GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n");
  const said: Buffer[] = [];
  plain.on("data", (part: Buffer) => said.push(part)).on("error", () => {});
  await new Promise((resolve) => plain.once("close", resolve));
  expect(Buffer.concat(said).toString()).not.toContain("HTTP/1.1 200");
});

test.each([
  ["certificate", { tls: { ...pemOf("first"), expiresWallMs } }],
  ["token", { token }],
])("HT20 CFG11 with only a %s it serves no address beyond loopback", async (_what, one) => {
  const start = startGateway(new ScriptedNode(), { host: "0.0.0.0", port: 0, ...one });
  const outcome = await start.then(
    async (open) => (await open.close(), "open"),
    (error: { readonly code: string }) => error.code,
  );
  expect(outcome).toBe("http-insecure");
});

test("CFG11 another certificate serves the connections that come after it, and those that there are go on", async () => {
  gateway.renew({ tls: { ...pemOf("second"), expiresWallMs } });
  expect(await askSecurely(`${gateway.url}/livez`)).toMatchObject({ status: 200, name: "second" });
});

test("HT19 CFG11 more callers than HTTP_CONNECTIONS_KEPT_MAX that make no handshake keep nobody out", async () => {
  const idle = Array.from({ length: 900 }, () => connect(gateway.port, "127.0.0.1"));
  for (const socket of idle) socket.on("error", () => {});
  try {
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    const url = `${gateway.url}/heartbeat/scanner`;
    for (let i = 0; i < 40; i++) {
      expect((await askSecurely(url, { method: "POST", token })).status).toBe(200);
    }
    const { text } = await askSecurely(`${gateway.url}/metrics`, { token });
    const count = (name: string): number =>
      Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
    expect(count("pulsemesh_http_connections_evicted_total")).toBeGreaterThan(100);
    expect(count("pulsemesh_http_connections_dropped_total")).toBe(0);
  } finally {
    for (const socket of idle) socket.destroy();
  }
});

test("CFG12 who sends no token, or a wrong one, is answered 401 as the scheme demands; probes are answered", async () => {
  const wrong = [undefined, "a-token-of-somebody", token.slice(1)];
  for (const each of wrong) {
    for (const path of ["/api/v1/robots", "/metrics", "/openapi.json", "/no-such-page"]) {
      const options = each === undefined ? {} : { token: each };
      const answer = await askSecurely(gateway.url + path, options);
      expect(answer.headers["www-authenticate"]).toBe('Bearer realm="pulsemesh"');
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
        401,
        { code: "token-wrong", changed: false },
      ]);
    }
  }
  for (const probe of ["livez", "readyz", "startupz"]) {
    expect((await askSecurely(`${gateway.url}/${probe}`)).status).toBe(200);
  }
  const url = `${gateway.url}/heartbeat/scanner`;
  expect((await askSecurely(url, { method: "POST", token })).status).toBe(200);
});

test("CFG12 another token takes the place of the old one at once", async () => {
  gateway.renew({ token: "the-next-token-of-all" });
  const url = `${gateway.url}/api/v1/robots`;
  expect((await askSecurely(url, { token })).status).toBe(401);
  expect((await askSecurely(url, { token: "the-next-token-of-all" })).status).toBe(200);
});

test("CFG12 what comes by the Unix socket needs neither certificate nor token: its file mode is the guard", async () => {
  const status = await new Promise((resolve, reject) => {
    const options = { socketPath: join(dir, "node.sock"), path: "/api/v1/robots" };
    const outgoing = request(options, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
    });
    outgoing.on("error", reject).end();
  });
  expect(status).toBe(200);
});

test("CFG8 a node without a config file answers a reload with config-none", async () => {
  const answer = await askSecurely(`${gateway.url}/-/reload`, { method: "POST", token });
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([409, { code: "config-none" }]);
});
