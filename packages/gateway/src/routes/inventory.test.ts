import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedNode, START_WALL_MS } from "../../../../test/support/scripted-node.ts";
import { retirementSchema } from "../json/retirement.ts";
import { robotSchema } from "../json/robot.ts";
import type { ProblemJson } from "../problem.ts";
import { buildServer } from "../server.ts";
import { leavingSchema } from "../json/leaving.ts";

let node: ScriptedNode;
let app: FastifyInstance;

beforeEach(() => {
  node = new ScriptedNode();
  app = buildServer(node, { localOnly: true });
});

afterEach(async () => {
  await app.close();
});

function put(robot: string, payload: unknown, headers: Record<string, string> = {}) {
  return app.inject({
    method: "PUT",
    url: `/api/v1/robots/${robot}`,
    payload: JSON.stringify(payload),
    headers: { "content-type": "application/json", ...headers },
  });
}

function remove(url: string, headers: Record<string, string> = {}) {
  return app.inject({ method: "DELETE", url: `/api/v1/${url}`, headers });
}

test("HT25 PUT registers with every default, 201 with the robot and its tag; again it is 200", async () => {
  const first = await put("bot", {});
  expect(first.statusCode).toBe(201);
  expect(robotSchema.parse(first.json())).toMatchObject({
    status: "new",
    schedule: { type: "every", every_ms: 60_000, grace_ms: 0, missed: 3, startup_ms: 60_000 },
    labels: {},
    floating: false,
  });
  const got = await app.inject("/api/v1/robots/bot");
  expect(got.headers.etag).toBe(first.headers.etag);
  expect((await put("bot", {})).statusCode).toBe(200);
});

test("HT25 what GET tells is what PUT takes, with cron and zone, labels and the mark", async () => {
  const schedule = {
    type: "cron",
    cron: "0 3 * * *",
    time_zone: "Europe/Vienna",
    grace_ms: 600_000,
    startup_ms: 60_000,
    next_due: null,
  };
  const asked = { schedule, labels: { role: "precheck" }, floating: true };
  const { schedule: shown, labels, floating } = robotSchema.parse((await put("bot", asked)).json());
  expect({ schedule: shown, labels, floating }).toEqual(asked);
  expect((await put("bot", { schedule: shown, labels, floating })).statusCode).toBe(200);
  expect(node.commands.at(-1)).toMatchObject({
    schedule: { type: "cron", line: "0 3 * * *", timeZone: "Europe/Vienna", graceMs: 600_000 },
    floating: true,
  });
});

test("HT25 what is not understood is refused with its name, and reaches no node", async () => {
  const bad: readonly (readonly [unknown, number, string, string])[] = [
    [{ labelz: {} }, 400, "request-invalid", "'labelz', but schedule, labels, floating"],
    [{ schedule: { every: "10s" } }, 400, "request-invalid", "'every', but type, every_ms"],
    [{ schedule: { every_ms: "10s" } }, 400, "request-invalid", "schedule.every_ms"],
    [{ labels: { a: 1 } }, 400, "request-invalid", "labels.a"],
    [[], 400, "request-invalid", "The body is wrong: "],
    [{ schedule: { every_ms: 99 } }, 422, "schedule-invalid", "'every'"],
    [{ schedule: { every_ms: 1_000, cron: "* * * * *" } }, 422, "schedule-invalid", "exclude"],
    [{ schedule: { type: "cron", every_ms: 1_000 } }, 422, "schedule-invalid", "'cron'"],
    [{ schedule: { time_zone: "UTC" } }, 422, "schedule-invalid", "'cron'"],
  ];
  for (const [body, status, code, text] of bad) {
    const answer = await put("bot", body);
    const problem = answer.json<ProblemJson>();
    expect([answer.statusCode, problem.code, problem.detail]).toEqual([
      status,
      code,
      expect.stringContaining(text),
    ]);
  }
  expect((await put("../etc", {})).statusCode).toBe(404);
  expect((await put("-", {})).json<ProblemJson>().code).toBe("robot-id-invalid");
  const text = await put("bot", {}, { "content-type": "text/plain" });
  expect(text.statusCode).toBe(415);
  // The type that this path takes, not that of patches.
  expect(text.json<ProblemJson>().next).toBe(
    "Send it with the header content-type: application/json, and no content-encoding.",
  );
  for (const labels of ['{"__proto__":"x"}', '{"a":"b","__proto__":{"c":"d"}}']) {
    const hidden = await put("bot", JSON.parse(`{"labels":${labels}}`));
    expect([hidden.statusCode, hidden.json<ProblemJson>().code]).toEqual([422, "label-invalid"]);
  }
  expect((await put("bot", JSON.parse('{"__proto__":{"floating":true}}'))).statusCode).toBe(400);
  expect((await put("bot", JSON.parse('{"schedule":{"__proto__":{}}}'))).statusCode).toBe(400);
  expect(node.commands).toEqual([]);
});

test("HT25 If-Match and If-None-Match: * guard against who was faster", async () => {
  expect((await put("bot", {}, { "if-match": "*" })).statusCode).toBe(412);
  const { headers } = await put("bot", {}, { "if-none-match": "*" });
  const etag = String(headers.etag);
  expect((await put("bot", {}, { "if-none-match": "*" })).statusCode).toBe(412);
  expect((await put("bot", {}, { "if-none-match": '"x"' })).statusCode).toBe(400);
  expect((await put("bot", { floating: true }, { "if-match": etag })).statusCode).toBe(200);
  expect((await put("bot", {}, { "if-match": etag })).statusCode).toBe(412);
  expect((await remove("robots/bot", { "if-match": etag })).statusCode).toBe(412);
  expect((await remove("robots/bot", { "if-match": "*" })).statusCode).toBe(200);
});

test("HT26 DELETE says who retired the robot and when; an unknown one is 404, a live one elsewhere 409", async () => {
  node.add({ robot: "bot" });
  const answer = await remove("robots/bot");
  expect(retirementSchema.parse(answer.json())).toEqual({
    id: "bot",
    retired_at: new Date(START_WALL_MS).toISOString(),
    retired_by: "alpha",
    retired_by_id: node.id,
    already: false,
  });
  expect((await remove("robots/bot")).json<ProblemJson>().code).toBe("robot-unknown");
  node.answer = () => ({
    ok: true,
    retired: { by: "12D3KooWGone", atWallMs: START_WALL_MS, isOld: true },
  });
  expect((await remove("robots/bot")).json()).toMatchObject({ already: true, retired_by: null });
  node.answer = () => ({ ok: false, code: "robot-alive", detail: "robot bot is up at beta" });
  expect((await remove("robots/bot")).statusCode).toBe(409);
});

test("HT27 DELETE of a node is a retirement as well; unknown 404, one that lives 409", async () => {
  const answer = await remove("peers/12D3KooWBeta");
  expect(retirementSchema.parse(answer.json())).toMatchObject({ id: "12D3KooWBeta" });
  expect((await remove("peers/beta")).json<ProblemJson>().code).toBe("peer-unknown");
  expect(node.commands.at(-1)).toMatchObject({ isCertain: false });
  await remove("peers/12D3KooWBeta?certain=1");
  expect(node.commands.at(-1)).toMatchObject({ isCertain: true });
  expect((await remove("peers/12D3KooWBeta?certain=yes")).statusCode).toBe(400);
  node.answer = () => ({ ok: false, code: "peer-uncertain", detail: "node is unknown" });
  expect((await remove("peers/12D3KooWBeta")).statusCode).toBe(409);
  node.answer = () => ({ ok: false, code: "peer-alive", detail: "node is up" });
  expect((await remove("peers/12D3KooWBeta")).statusCode).toBe(409);
});

test("HT28 POST /-/leave answers, and then the node says goodbye", async () => {
  const order: string[] = [];
  const leaving = buildServer(node, { localOnly: true, leave: () => void order.push("leave") });
  const answer = await leaving.inject({ method: "POST", url: "/-/leave" });
  order.push("answered");
  expect(leavingSchema.parse(answer.json())).toEqual({ id: node.id, leaving: true });
  expect([answer.statusCode, order.toSorted()]).toEqual([202, ["answered", "leave"]]);
  await leaving.close();
});
