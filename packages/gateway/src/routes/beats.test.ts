import { type BeatCommand, PulsemeshError } from "@pulsemesh/core";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import type { ProblemJson } from "../problem.ts";
import { buildServer } from "../server.ts";

let node: ScriptedNode;
let app: FastifyInstance;

beforeEach(() => {
  node = new ScriptedNode();
  app = buildServer(node, { localOnly: true });
});

afterEach(async () => {
  await app.close();
});

function lastBeat(): BeatCommand {
  return node.commands.at(-1) as BeatCommand;
}

describe("POST /heartbeat", () => {
  test("HT1 the first beat of an unknown robot registers it and is answered 200 OK", async () => {
    const answer = await app.inject({ method: "POST", url: "/heartbeat/security_bot" });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe("OK");
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(node.commands).toEqual([
      { type: "beat", robot: "security_bot", kind: "beat", create: "heartbeat" },
    ]);
  });

  test("HT1 nothing is answered before the node has made the beat durable", async () => {
    const { promise, resolve } = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => promise;
    let answered = false;
    const request = app.inject({ method: "POST", url: "/heartbeat/a" }).then((answer) => {
      answered = true;
      return answer;
    });
    while (node.commands.length === 0) await new Promise((next) => setImmediate(next));
    await new Promise((next) => setImmediate(next));
    expect(answered).toBe(false);
    resolve({ ok: true });
    expect((await request).statusCode).toBe(200);
  });

  test.each([
    { type: "text/plain", payload: "all 12 checks passed" },
    { type: "application/json", payload: '{"checks":12}' },
    { type: "application/octet-stream", payload: "anything" },
    { type: "application/x-www-form-urlencoded", payload: "a=1" },
  ])("HT1 a body of type $type is kept as message", async ({ type, payload }) => {
    const answer = await app.inject({
      method: "POST",
      url: "/heartbeat/a?health=degraded",
      headers: { "content-type": type },
      payload,
    });
    expect(answer.statusCode).toBe(200);
    expect(lastBeat()).toMatchObject({ message: payload, health: "degraded" });
  });

  test.each(["garbage", "", ";;;", "text", "text/plain; charset", "a/b/c", "é"])(
    "HT1 a Content-Type %j that is none refuses no beat and no ping",
    async (type) => {
      for (const url of ["/heartbeat/a", "/ping/a", "/ping/a/fail"]) {
        const headers = { "content-type": type };
        const answer = await app.inject({ method: "POST", url, headers, payload: "hello" });
        expect([answer.statusCode, lastBeat().message]).toEqual([200, "hello"]);
      }
    },
  );

  test("HT1 a body that claims to be JSON is held to it, whatever follows the claim", async () => {
    const headers = { "content-type": "application/json;;=" };
    const answer = await app.inject({
      method: "POST",
      url: "/heartbeat/a",
      headers,
      payload: "{ no json",
    });
    expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([400, "json-invalid"]);
  });

  test("HT1 a body that claims to be JSON and is not is refused 400 json-invalid", async () => {
    const answer = await app.inject({
      method: "POST",
      url: "/heartbeat/a",
      headers: { "content-type": "application/json" },
      payload: '{"checks":',
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.json<ProblemJson>().code).toBe("json-invalid");
    expect(node.commands).toEqual([]);
  });

  test("HT1 a wrong health is refused 400 naming the parameter", async () => {
    const answer = await app.inject({ method: "POST", url: "/heartbeat/a?health=fine" });
    expect(answer.statusCode).toBe(400);
    expect(answer.json<ProblemJson>()).toMatchObject({ code: "request-invalid" });
    expect(answer.json<ProblemJson>().detail).toContain("'health'");
  });
});

describe("/ping", () => {
  test.each(["GET", "HEAD", "POST"] as const)(
    "HT2 %s takes a success of a known robot and is answered 200 OK",
    async (method) => {
      node.add({ robot: "backup" });
      const answer = await app.inject({ method, url: "/ping/backup" });
      expect(answer.statusCode).toBe(200);
      expect(answer.body).toBe(method === "HEAD" ? "" : "OK");
      expect(answer.headers["ping-body-limit"]).toBe("10000");
      expect(node.commands).toEqual([
        { type: "beat", robot: "backup", kind: "success", create: "never" },
      ]);
    },
  );

  test("HT2 an unknown robot is 404 without create=1, 201 with it, 200 from then on", async () => {
    const unknown = await app.inject("/ping/backup");
    expect(unknown.statusCode).toBe(404);
    expect(unknown.json<ProblemJson>().code).toBe("robot-unknown");
    expect(unknown.headers["ping-body-limit"]).toBe("10000");
    expect((await app.inject("/ping/backup?create=0")).statusCode).toBe(404);
    const created = await app.inject("/ping/backup?create=1");
    expect([created.statusCode, created.body]).toEqual([201, "OK"]);
    expect(lastBeat().create).toBe("ping");
    expect((await app.inject("/ping/backup?create=1")).statusCode).toBe(200);
  });

  test.each([
    ["start", { kind: "start" }],
    ["fail", { kind: "fail" }],
    ["log", { kind: "log" }],
    ["0", { kind: "exit", exitCode: 0 }],
    ["7", { kind: "exit", exitCode: 7 }],
    ["255", { kind: "exit", exitCode: 255 }],
  ])("HT3 /%s after the robot says what happened", async (signal, expected) => {
    node.add({ robot: "backup" });
    const answer = await app.inject(`/ping/backup/${signal}`);
    expect(answer.statusCode).toBe(200);
    expect(lastBeat()).toMatchObject(expected);
  });

  test.each(["256", "999", "-1", "1.5", "finish", "START", "0x10", "", "%20"])(
    "HT3 '%s' after the robot is refused 400",
    async (signal) => {
      node.add({ robot: "backup" });
      const answer = await app.inject(`/ping/backup/${signal}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.json<ProblemJson>().code).toBe("request-invalid");
      expect(node.commands).toEqual([]);
    },
  );

  test("HT3 rid pairs the start and the end of a run, up to RUN_ID_LENGTH_MAX characters", async () => {
    node.add({ robot: "backup" });
    const rid = "0".repeat(64);
    expect((await app.inject(`/ping/backup/start?rid=${rid}`)).statusCode).toBe(200);
    expect(lastBeat().runId).toBe(rid);
    expect((await app.inject(`/ping/backup/start?rid=${rid}1`)).statusCode).toBe(400);
    expect((await app.inject("/ping/backup/start?rid=")).statusCode).toBe(400);
  });

  test("HT3 diagnostics beyond BEAT_MESSAGE_BYTES_MAX are cut between two characters, not refused", async () => {
    node.add({ robot: "backup" });
    const answer = await app.inject({
      method: "POST",
      url: "/ping/backup/fail",
      payload: `x${"é".repeat(6_000)}`,
    });
    expect(answer.statusCode).toBe(200);
    expect(lastBeat().message).toBe(`x${"é".repeat(4_999)}`);
  });

  test("HT3 diagnostics are taken whatever they claim to be", async () => {
    node.add({ robot: "backup" });
    const answer = await app.inject({
      method: "POST",
      url: "/ping/backup/fail",
      headers: { "content-type": "application/json" },
      payload: "{ not json",
    });
    expect(answer.statusCode).toBe(200);
    expect(lastBeat().message).toBe("{ not json");
  });
});

describe("refusals of the node", () => {
  test("HT4 too many beats are 429 with Retry-After in whole seconds", async () => {
    node.answer = () => ({
      ok: false,
      code: "beats-too-many",
      detail: "over 10 a second",
      retryAfterMs: 1_200,
    });
    const answer = await app.inject({ method: "POST", url: "/heartbeat/a" });
    expect(answer.statusCode).toBe(429);
    expect(answer.headers["retry-after"]).toBe("2");
    expect(answer.json<ProblemJson>()).toMatchObject({
      code: "beats-too-many",
      detail: "over 10 a second",
      changed: false,
    });
  });

  test.each([
    ["robots-max", 507],
    ["not-ready", 503],
    ["observer", 403],
    ["twin", 503],
    ["robot-unknown", 404],
  ] as const)("HT4 %s is answered %i", async (code, status) => {
    node.answer = () => ({ ok: false, code, detail: "for a reason" });
    const answer = await app.inject("/ping/a");
    expect(answer.statusCode).toBe(status);
    expect(answer.json<ProblemJson>()).toMatchObject({ code, status, detail: "for a reason" });
  });

  test.each([
    ["store-failed", 507],
    ["store-full", 507],
    ["stopped", 503],
  ] as const)("HT4 a node that fails with %s is answered %i", async (code, status) => {
    node.answer = () => Promise.reject(new PulsemeshError(code, "the disk", { changed: true }));
    const answer = await app.inject({ method: "POST", url: "/heartbeat/a" });
    expect(answer.statusCode).toBe(status);
    expect(answer.json<ProblemJson>()).toMatchObject({ code, detail: "the disk", changed: true });
  });
});

describe("HT30 a beat that had to wait", () => {
  test.each([
    ["2026-01-02T03:04:05Z", Date.UTC(2026, 0, 2, 3, 4, 5)],
    ["2026-01-02T03:04:05.678Z", Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
    ["2026-01-02T03:04:05%2B02:00", Date.UTC(2026, 0, 2, 1, 4, 5)],
    ["2026-01-02T03:04:05+02:00", Date.UTC(2026, 0, 2, 1, 4, 5)],
    ["2026-01-02T03:04:05-00:30", Date.UTC(2026, 0, 2, 3, 34, 5)],
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
    ["2020-01-01T00:00:00Z", Date.UTC(2020, 0, 1)],
    ["9999-12-31T23:59:59Z", Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])("HT30 at=%s is told to core, on every route of beats", async (at, spooledAtWallMs) => {
    for (const path of ["/heartbeat/a", "/ping/a", "/ping/a/start", "/ping/a/3"]) {
      const answer = await app.inject({ method: "POST", url: `${path}?at=${at}` });
      expect(answer.statusCode).toBe(200);
      expect(lastBeat().spooledAtWallMs).toBe(spooledAtWallMs);
    }
  });

  test.each([
    "",
    "now",
    "1767323045",
    "2026-01-02",
    "2026-01-02T03:04:05",
    "2026-02-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "2026-01-02T03:04:60Z",
    "2026-01-02T03:04:05%2B25:00",
    "2019-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "12026-01-02T03:04:05Z",
  ])("HT30 at=%s is 400 and takes no beat", async (at) => {
    for (const path of ["/heartbeat/a", "/ping/a/fail"]) {
      const answer = await app.inject({ method: "POST", url: `${path}?at=${at}` });
      expect(answer.statusCode).toBe(400);
      expect(answer.json<ProblemJson>().detail).toContain("'at'");
    }
    expect(node.commands).toEqual([]);
  });

  test("HT15 HT30 it is described as a time", async () => {
    const { paths } = (await app.inject({ url: "/openapi.json" })).json<{
      readonly paths: Readonly<Record<string, { readonly post: { readonly parameters: unknown } }>>;
    }>();
    for (const path of ["/heartbeat/{robot}", "/ping/{robot}", "/ping/{robot}/{signal}"]) {
      expect(paths[path]?.post.parameters).toContainEqual(
        expect.objectContaining({
          name: "at",
          schema: expect.objectContaining({ type: "string", format: "date-time" }),
        }),
      );
    }
  });

  test("HT30 a beat without it is a live one", async () => {
    await app.inject({ method: "POST", url: "/ping/a" });
    expect(lastBeat()).not.toHaveProperty("spooledAtWallMs");
  });
});
