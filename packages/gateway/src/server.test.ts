import { createRequire } from "node:module";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ScriptedNode } from "../../../test/support/scripted-node.ts";
import { HTTP_CONNECTIONS_MAX, HTTP_IDLE_MS_MAX } from "./limits.ts";
import { type ProblemJson, problemSchema } from "./problem.ts";
import { buildServer } from "./server.ts";

let node: ScriptedNode;
let app: FastifyInstance;
const logged: object[] = [];

beforeEach(() => {
  logged.length = 0;
  node = new ScriptedNode();
  const ignore = (): void => undefined;
  const error = (fields: object): void => void logged.push(fields);
  const logger = { debug: ignore, info: ignore, warn: ignore, error };
  app = buildServer(node, { localOnly: true, logger });
});

afterEach(async () => {
  await app.close();
});

async function problemOf(request: InjectOptions): Promise<ProblemJson> {
  const answer = await app.inject(request);
  expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  const problem = problemSchema.parse(answer.json());
  expect(problem.status).toBe(answer.statusCode);
  expect(problem.type).toBe(`urn:pulsemesh:problem:${problem.code}`);
  expect(problem.next.length).toBeGreaterThan(10);
  return problem;
}

describe("HT16 errors", () => {
  test("HT16 what nobody expected is 500 internal: its text goes to the log, not to the caller", async () => {
    node.answer = () => {
      throw new Error("secret path /etc/key");
    };
    const problem = await problemOf({ method: "POST", url: "/heartbeat/a" });
    expect(problem).toMatchObject({ code: "internal", status: 500 });
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect(logged).toEqual([{ err: new Error("secret path /etc/key"), url: "/heartbeat/a" }]);
  });

  test("HT16 something thrown that is no Error is answered as well", async () => {
    node.answer = () => Promise.reject("text" as unknown as Error);
    expect((await problemOf({ method: "POST", url: "/heartbeat/a" })).code).toBe("internal");
  });
});

describe("HT17 what is not served", () => {
  test.each([
    "/",
    "/api",
    "/api/v1",
    "/status",
    "/ping",
    "/ping/a/b/c",
    "/heartbeat/a/",
    "//",
    "/LIVEZ",
  ])("HT17 %s is 404 not-found", async (url) => {
    expect(await problemOf({ url })).toMatchObject({ code: "not-found", status: 404 });
  });

  test.each([
    ["GET", "/heartbeat/a", "POST"],
    ["DELETE", "/api/v1/robots/a/state", "GET, HEAD, PATCH"],
    ["PUT", "/ping/a", "GET, HEAD, POST"],
    ["OPTIONS", "/status/a", "GET, HEAD"],
    ["POST", "/openapi.json", "GET, HEAD"],
    ["HEAD", "/api/v1/events", "GET"],
    ["POST", "/api/v1/peers?x=1", "GET, HEAD"],
  ] as const)("HT17 %s %s is 405 with Allow: %s", async (method, url, allow) => {
    const answer = await app.inject({ method, url });
    expect([answer.statusCode, answer.headers["allow"]]).toEqual([405, allow]);
    if (method !== "HEAD") expect(answer.json<ProblemJson>().code).toBe("method-not-allowed");
  });

  test.each([
    ["-a", "POST", "/heartbeat/-a"],
    ["a b", "GET", "/ping/a%20b"],
    ["a/b", "GET", "/status/a%2Fb"],
    ["", "POST", "/heartbeat/"],
    ["é", "GET", "/api/v1/robots/%C3%A9"],
    ["..", "PATCH", "/api/v1/robots/../state"],
    ["__proto__", "GET", "/api/v1/robots/__proto__"],
  ] as const)(
    "HT17 the robot id %j is refused 400 naming the rule (%s %s)",
    async (id, method, url) => {
      const problem = await problemOf({ method, url });
      if (id === "..") return expect(problem.code).toBe("not-found");
      expect(problem.code).toBe("robot-id-invalid");
      expect(problem.detail).toContain(JSON.stringify(id));
      expect(problem.detail).toContain("a robot id starts with a letter or digit");
    },
  );

  test("HT17 a robot id may have ROBOT_ID_LENGTH_MAX characters, a longer one is 400, however long", async () => {
    const beat = (length: number) =>
      app.inject({ method: "POST", url: `/heartbeat/${"a".repeat(length)}` });
    expect((await beat(128)).statusCode).toBe(200);
    expect((await beat(129)).statusCode).toBe(400);
    expect((await beat(10_000)).json<ProblemJson>().code).toBe("robot-id-invalid");
  });

  test("HT17 a path that is no valid URL is 400 request-invalid", async () => {
    expect((await problemOf({ url: "/status/%zz" })).code).toBe("request-invalid");
    expect((await problemOf({ url: "/status/%C3%28" })).code).toBe("request-invalid");
  });

  test.each(["/heartbeat/a", "/ping/a", "/api/v1/robots/a/state"])(
    "HT17 a body over HTTP_BODY_BYTES_MAX on %s is 413",
    async (url) => {
      node.add({ robot: "a" });
      const method = url.endsWith("state") ? "PATCH" : "POST";
      const send = (bytes: number): InjectOptions => ({
        method,
        url,
        headers: { "content-type": "application/json" },
        payload: `"${"x".repeat(bytes - 2)}"`,
      });
      expect((await app.inject(send(1024 * 1024))).statusCode).not.toBe(413);
      expect((await problemOf(send(1024 * 1024 + 1))).code).toBe("body-too-large");
    },
  );
});

describe("HT18 browsers", () => {
  test("HT18 a rebound name is 403 host-forbidden on every path, also where nothing is", async () => {
    for (const url of ["/livez", "/api/v1/robots", "/nothing"]) {
      const headers = { host: "evil.example:7420" };
      expect((await problemOf({ url, headers })).code).toBe("host-forbidden");
    }
  });

  test("HT18 a form, a script, an image and a link of another site cannot beat", async () => {
    node.add({ robot: "a" });
    const evil = "https://evil.example";
    const tries: InjectOptions[] = [
      { method: "POST", url: "/heartbeat/a", headers: { origin: evil } },
      { method: "PATCH", url: "/api/v1/robots/a/state", headers: { origin: evil }, payload: "{}" },
      { method: "GET", url: "/ping/a", headers: { "sec-fetch-site": "cross-site" } },
      {
        method: "GET",
        url: "/ping/a/0",
        headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
      },
    ];
    for (const request of tries) {
      expect((await problemOf(request)).code).toBe("origin-forbidden");
    }
    expect(node.commands).toEqual([]);
  });

  test("HT18 a page that this node served may beat", async () => {
    const headers = { host: "localhost:7420", origin: "http://localhost:7420" };
    const answer = await app.inject({ method: "POST", url: "/heartbeat/a", headers });
    expect(answer.statusCode).toBe(200);
  });

  test("HT18 beyond loopback any Host is served, other origins still are not", async () => {
    const open = buildServer(node, { localOnly: false });
    const headers = { host: "robots.example:7420" };
    expect((await open.inject({ url: "/livez", headers })).statusCode).toBe(200);
    const cross = { ...headers, origin: "http://evil.example" };
    expect((await open.inject({ url: "/livez", headers: cross })).statusCode).toBe(403);
    await open.close();
  });

  test("HT18 no answer invites other sites in", async () => {
    const answer = await app.inject({ method: "OPTIONS", url: "/heartbeat/a" });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual(
      [],
    );
  });
});

test("HT19 the listener is given HTTP_CONNECTIONS_MAX and HTTP_IDLE_MS_MAX", () => {
  expect([app.server.maxConnections, app.server.timeout]).toEqual([
    HTTP_CONNECTIONS_MAX,
    HTTP_IDLE_MS_MAX,
  ]);
});

test("HT15 what describes and checks requests is zod alone: fastify's compilers are not even loaded", async () => {
  await app.ready();
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.some((path) => path.includes("/fastify/"))).toBe(true);
  expect(loaded.filter((path) => /\/(?:ajv|fast-json-stringify-compiler)\//.test(path))).toEqual(
    [],
  );
});
