/** What only the operator of a node may do, where HTTP is open to everybody (rule HT34). */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FastifyInstance } from "fastify";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { buildServer } from "../server.ts";
import { TokenGuard } from "./token.ts";

const token = "Zm9vYmFyYmF6cXV4";
const requests = [
  { method: "POST", url: "/-/leave" },
  { method: "POST", url: "/-/reload" },
  { method: "GET", url: "/api/v1/backup" },
] as const;
let left = 0;
let app: FastifyInstance;

beforeEach(() => {
  left = 0;
});

afterEach(() => app.close());

function serve(guard?: TokenGuard): void {
  const leave = (): void => void (left += 1);
  app = buildServer(new ScriptedNode(), { localOnly: false, token: guard, leave });
}

for (const { method, url } of requests) {
  test.each(["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::9", "::ffff:0:127.0.0.1"])(
    `HT34 ${method} ${url} without a token is refused to %s, and nothing happens`,
    async (remoteAddress) => {
      serve();
      const answer = await app.inject({ method, url, remoteAddress });
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toMatchObject({ code: "operator-only", changed: false });
      expect(left).toBe(0);
    },
  );

  test(`HT34 ${method} ${url} with the token is taken from everywhere, and without it from nowhere`, async () => {
    serve(new TokenGuard(token));
    const headers = { authorization: `Bearer ${token}` };
    const far = await app.inject({ method, url, headers, remoteAddress: "192.0.2.9" });
    expect([200, 202, 409]).toContain(far.statusCode);
    const near = await app.inject({ method, url, remoteAddress: "127.0.0.1" });
    expect(near.statusCode).toBe(401);
  });
}

test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])(
  "HT34 without a token the node's own machine may: %s",
  async (remoteAddress) => {
    serve();
    expect((await app.inject({ method: "POST", url: "/-/leave", remoteAddress })).statusCode).toBe(
      202,
    );
    expect(left).toBe(1);
  },
);

test.each(["evil.example:7420", "127.0.0.1.evil.example", "192.0.2.9:7420"])(
  "HT34 what a page on the node's own machine sends, whose name %s was led here, is refused",
  async (host) => {
    serve();
    for (const { method, url } of requests) {
      const own = { origin: `http://${host}`, "sec-fetch-site": "same-origin" };
      for (const headers of [{ host }, { host, ...own }]) {
        const answer = await app.inject({ method, url, headers, remoteAddress: "127.0.0.1" });
        expect(answer.json()).toMatchObject({ code: "operator-only", changed: false });
      }
    }
    expect(left).toBe(0);
  },
);

test("HT34 beats and reads stay open to everybody where the operator wanted it so", async () => {
  serve();
  const from = { remoteAddress: "192.0.2.9" };
  expect((await app.inject({ method: "POST", url: "/heartbeat/a", ...from })).statusCode).toBe(200);
  expect((await app.inject({ method: "GET", url: "/api/v1/peers", ...from })).statusCode).toBe(200);
});
