import type { PatchStateCommand } from "@pulsemesh/core";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import type { ProblemJson } from "../problem.ts";
import { buildServer } from "../server.ts";

let node: ScriptedNode;
let app: FastifyInstance;

const url = "/api/v1/robots/security_bot/state";

beforeEach(() => {
  node = new ScriptedNode();
  node.add({ robot: "security_bot", state: { status: "idle", task: 7 }, etag: '"aa"' });
  app = buildServer(node, { localOnly: true });
});

afterEach(async () => {
  await app.close();
});

function patch(payload: string | Buffer, headers: Readonly<Record<string, string>> = {}) {
  return app.inject({
    method: "PATCH",
    url,
    payload,
    headers: { "content-type": "application/merge-patch+json", ...headers },
  });
}

test("HT8 the state is given with its entity tag", async () => {
  const answer = await app.inject(url);
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: "idle", task: 7 }]);
  expect(answer.headers["etag"]).toBe('"aa"');
});

test.each(['"aa"', 'W/"aa"', '"zz", "aa"', "*"])(
  "HT8 If-None-Match: %s is answered 304 without a body",
  async (tags) => {
    const answer = await app.inject({ url, headers: { "if-none-match": tags } });
    expect([answer.statusCode, answer.body]).toEqual([304, ""]);
    expect(answer.headers["etag"]).toBe('"aa"');
  },
);

test("HT8 another tag is answered 200, an unquoted one 400", async () => {
  expect((await app.inject({ url, headers: { "if-none-match": '"bb"' } })).statusCode).toBe(200);
  expect((await app.inject({ url, headers: { "if-none-match": "aa" } })).statusCode).toBe(400);
});

test.each([
  { method: "GET" as const, payload: undefined },
  { method: "PATCH" as const, payload: "{}" },
])("HT8 $method of an unknown robot's state is 404 robot-unknown", async ({ method, payload }) => {
  const answer = await app.inject({
    method,
    url: "/api/v1/robots/nobody/state",
    ...(payload === undefined ? {} : { payload, headers: { "content-type": "application/json" } }),
  });
  expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([404, "robot-unknown"]);
});

test.each(["application/merge-patch+json", "application/json", "Application/JSON; charset=utf-8"])(
  "HT9 a merge patch as %s is answered with the whole state and its new tag",
  async (type) => {
    const answer = await patch('{"status":"scanning","task":null}', { "content-type": type });
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: "scanning" }]);
    expect(answer.headers["etag"]).toBe('"0000000000000001"');
    expect(node.commands).toEqual([
      { type: "patch-state", robot: "security_bot", patch: { status: "scanning", task: null } },
    ]);
  },
);

test.each([
  ['"aa"', 200],
  ["*", 200],
  ['"zz", "aa"', 200],
  ['"zz"', 412],
  ['W/"aa"', 412],
] as const)("HT9 If-Match: %s is answered %i", async (tags, status) => {
  const answer = await patch('{"a":1}', { "if-match": tags });
  expect(answer.statusCode).toBe(status);
  if (status === 412) {
    expect(answer.json<ProblemJson>().code).toBe("precondition-failed");
    expect(node.robot("security_bot")?.state).toEqual({ status: "idle", task: 7 });
  }
});

test("HT9 the tag goes to core, which compares at the moment of writing", async () => {
  await patch('{"a":1}', { "if-match": '"zz", "aa"' });
  expect((node.commands[0] as PatchStateCommand).ifMatch).toBe('"aa"');
});

test.each(["", "{", "{'a':1}", "undefined", '{"a":1}}', "\u0000", "NaN"])(
  "HT9 the body %j is refused 400 json-invalid",
  async (payload) => {
    const answer = await patch(payload);
    expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([400, "json-invalid"]);
    expect(node.commands).toEqual([]);
  },
);

test("HT9 bytes that are not UTF-8 are refused 400 json-invalid", async () => {
  const answer = await patch(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
  expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([400, "json-invalid"]);
});

test.each(["[]", "null", "1", '"text"'])(
  "HT9 the patch %s is JSON but no object: 422 state-invalid",
  async (payload) => {
    const answer = await patch(payload);
    expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([422, "state-invalid"]);
  },
);

test("HT9 a state over STATE_BYTES_MAX or STATE_DEPTH_MAX is 422 and nothing is changed", async () => {
  const large = await patch(JSON.stringify({ text: "x".repeat(16 * 1024) }));
  expect([large.statusCode, large.json<ProblemJson>().code]).toEqual([422, "state-too-large"]);
  const deep = await patch(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
  expect([deep.statusCode, deep.json<ProblemJson>().code]).toEqual([422, "state-too-deep"]);
  expect(node.robot("security_bot")?.state).toEqual({ status: "idle", task: 7 });
});

test("HT9 a patch nested a hundred thousand deep is refused, not a stack overflow", async () => {
  const answer = await patch(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
  expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([422, "state-too-deep"]);
});

test.each([
  { "content-type": "text/plain" },
  { "content-type": "application/x-www-form-urlencoded" },
  { "content-type": "application/json-patch+json" },
  { "content-type": "application/json", "content-encoding": "gzip" },
])("HT9 a patch with %j is refused 415", async (headers) => {
  const answer = await patch("{}", headers);
  const { code, next } = answer.json<ProblemJson>();
  expect([answer.statusCode, code, next]).toEqual([
    415,
    "media-type-unsupported",
    expect.stringContaining("application/merge-patch+json, or application/json"),
  ]);
});
