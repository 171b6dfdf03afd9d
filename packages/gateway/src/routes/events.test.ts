import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
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

test("HT11 the stream opens at once, carries events, and ends when the server closes", async () => {
  const answer = await app.inject({ url: "/api/v1/events", payloadAsStream: true });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  expect(answer.headers["cache-control"]).toBe("no-store");
  const text = readAll(answer.stream());
  node.emit({ type: "robot-beat", robot: "a", kind: "beat", atWallMs: 0 });
  await new Promise((next) => setImmediate(next));
  await app.close();
  expect(await text).toMatch(/^retry: 1000\n\nid: \w+-1\nevent: robot-beat\ndata: \{.*\}\n\n$/);
});

test.each([
  "type=" + "x".repeat(65),
  "robot=-a",
  Array.from({ length: 17 }, () => "type=lost").join("&"),
])("HT11 ?%s is refused 400: a bad filter, or more than EVENT_TYPES_MAX types", async (query) => {
  expect((await app.inject(`/api/v1/events?${query}`)).statusCode).toBe(400);
});

test("HT11 ?type= is taken as events carry it, with the prefix, and without", async () => {
  const query = "type=pulsemesh.stalled&type=clock-stepped";
  const answer = await app.inject({ url: `/api/v1/events?${query}`, payloadAsStream: true });
  const text = readAll(answer.stream());
  node.emit(
    { type: "stalled", forMs: 1 },
    { type: "robot-beat", robot: "a", kind: "beat", atWallMs: 0 },
    { type: "clock-stepped", byMs: 1 },
  );
  await new Promise((next) => setImmediate(next));
  await app.close();
  expect([...(await text).matchAll(/^event: (.*)$/gm)].map(([, type]) => type)).toEqual([
    "stalled",
    "clock-stepped",
  ]);
});

test.each([
  ["robot-statsu", "robot-status"],
  ["pulsemesh.robots-state", "robot-state"],
  ["stall", "stalled"],
  ["pulsemesh.pulsemesh.lost", undefined],
  ["", undefined],
  ["something-else", undefined],
])("HT11 the type %j does not exist: 400, and the nearest one is %s", async (type, nearest) => {
  const answer = await app.inject(`/api/v1/events?type=${type}`);
  expect(answer.statusCode).toBe(400);
  const { detail } = answer.json<ProblemJson>();
  expect(detail).toContain("'type'");
  expect(/did you mean '(.*)'/.exec(detail)?.[1]).toBe(nearest);
  if (nearest === undefined) expect(detail).toContain("robot-status, robot-state");
});

async function readAll(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}
