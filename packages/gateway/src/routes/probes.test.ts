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

async function probes(): Promise<readonly number[]> {
  const answers = await Promise.all(
    ["/livez", "/readyz", "/startupz"].map((url) => app.inject(url)),
  );
  return answers.map(({ statusCode }) => statusCode);
}

test("HT14 before the node is ready it is live, neither ready nor started", async () => {
  node.isReady = false;
  expect(await probes()).toEqual([200, 503, 503]);
  expect((await app.inject("/readyz")).json<ProblemJson>().code).toBe("not-ready");
  node.isReady = true;
  expect(await probes()).toEqual([200, 200, 200]);
});

test("HT14 a stopping node is no longer ready, but has started", async () => {
  expect(await probes()).toEqual([200, 200, 200]);
  node.isReady = false;
  expect(await probes()).toEqual([200, 503, 200]);
});

test("P8 probes do not ask about peers", async () => {
  node.nodes = [];
  node.fleetView = () => {
    throw new Error("a probe asked for the fleet");
  };
  expect(await probes()).toEqual([200, 200, 200]);
});
