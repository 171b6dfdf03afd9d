import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
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
  Array.from({ length: 17 }, () => "type=a").join("&"),
])("HT11 ?%s is refused 400: a bad filter, or more than EVENT_TYPES_MAX types", async (query) => {
  expect((await app.inject(`/api/v1/events?${query}`)).statusCode).toBe(400);
});

async function readAll(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}
