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

test.each([
  ["up", 200, "alive"],
  ["late", 200, "alive"],
  ["new", 200, "new"],
  ["paused", 200, "paused"],
  ["down", 500, "down"],
  ["unknown", 503, "unknown"],
  ["left", 410, "left"],
] as const)("HT5 a robot that is %s is answered %i '… is %s'", async (status, code, word) => {
  node.add({ robot: "security_bot", status });
  const answer = await app.inject("/status/security_bot");
  expect(answer.statusCode).toBe(code);
  expect(answer.body).toBe(`security_bot is ${word}`);
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
});

test("HT5 an unknown robot is 404 as problem, also by HEAD", async () => {
  const answer = await app.inject("/status/nobody");
  expect(answer.statusCode).toBe(404);
  expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(answer.json<ProblemJson>().code).toBe("robot-unknown");
  expect((await app.inject({ method: "HEAD", url: "/status/nobody" })).statusCode).toBe(404);
});

test("HT5 an id with a colon, encoded or not, names the same robot", async () => {
  node.add({ robot: "eu:scanner.1" });
  expect((await app.inject("/status/eu:scanner.1")).body).toBe("eu:scanner.1 is alive");
  expect((await app.inject("/status/eu%3Ascanner.1")).body).toBe("eu:scanner.1 is alive");
});
