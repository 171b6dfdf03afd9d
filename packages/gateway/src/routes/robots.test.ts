import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeView, ScriptedNode, START_WALL_MS } from "../../../../test/support/scripted-node.ts";
import { type RobotJson, type RobotListJson, robotListSchema, robotSchema } from "../json/robot.ts";
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

async function ids(query: string): Promise<readonly string[]> {
  const answer = await app.inject(`/api/v1/robots${query}`);
  expect(answer.statusCode).toBe(200);
  return robotListSchema.parse(answer.json()).robots.map(({ robot_id }) => robot_id);
}

test("HT6 a robot is shown with every field, the home node by name", async () => {
  node.add({
    robot: "security_bot",
    node: "12D3KooWBeta",
    status: "late",
    reason: "missed",
    labels: { role: "scan" },
    state: { status: "scanning" },
  });
  const answer = await app.inject("/api/v1/robots/security_bot");
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(robotSchema.parse(answer.json())).toEqual({
    robot_id: "security_bot",
    status: "late",
    since: "2026-01-02T03:04:05.678Z",
    reason: "missed",
    health: "ok",
    last_check: "2026-01-02T03:04:06.678Z",
    age_ms: 250,
    node: "beta",
    node_id: "12D3KooWBeta",
    region: "us-east",
    labels: { role: "scan" },
    floating: false,
    schedule: { type: "every", every_ms: 60_000, grace_ms: 0, missed: 1, startup_ms: 60_000 },
    regularity: null,
    version: "0000000000000001",
    witnesses: { up: 2, late: 0, down: 0, unknown: 0, of: 2 },
    state: { status: "scanning" },
  });
});

test("HT6 PU9 with ask=1 the home is asked before the robot is shown, and the answer says whom the node asked; else nobody is", async () => {
  node.add({ robot: "a", node: "12D3KooWBeta" });
  const plain = robotSchema.parse((await app.inject("/api/v1/robots/a")).json());
  expect([plain.asked, node.commands]).toEqual([undefined, []]);
  const shown = async (): Promise<RobotJson["asked"]> =>
    robotSchema.parse((await app.inject("/api/v1/robots/a?ask=1")).json()).asked;
  expect(await shown()).toEqual([]);
  node.notAsked = "unheard";
  expect((await app.inject("/api/v1/robots/a?ask=1")).json()).toMatchObject({
    asked: [],
    not_asked: "unheard",
  });
  node.notAsked = undefined;
  node.commands.length = 1;
  expect(node.commands).toEqual([{ type: "ask", robot: "a" }]);
  node.asked = [
    { node: "12D3KooWBeta", outcome: "answered", waitedMs: 41.6 },
    { node: "12D3KooWGone", outcome: "silent", waitedMs: 4_000, isConnected: false },
  ];
  expect(await shown()).toEqual([
    { node: "beta", node_id: "12D3KooWBeta", outcome: "answered", waited_ms: 42 },
    {
      node: null,
      node_id: "12D3KooWGone",
      outcome: "silent",
      waited_ms: 4_000,
      connected: false,
    },
  ]);
});

test("HT6 HT8 of a robot that is unknown nobody can be asked: 404, and ask is 0 or 1", async () => {
  node.answer = () => ({ ok: false, code: "robot-unknown", detail: "no robot z is known" });
  const answers = await Promise.all(
    ["z?ask=1", "z?ask=yes"].map((path) => app.inject(`/api/v1/robots/${path}`)),
  );
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 400]);
});

test("RG8 HT6 regularity has units in its names, ratios to the usual interval, scores in tenths", async () => {
  const regularity = {
    measures: "interval",
    samples: 60,
    usualMs: 10_003,
    newestMs: 10_040,
    jitterMs: 20,
    driftMs: -35,
    early: 1,
    late: 2,
    lateAllowanceMs: 400,
    newestScore: 1.477,
    silenceScore: undefined,
    asOfWallMs: START_WALL_MS,
  } as const;
  node.add({ robot: "a", regularity });
  node.add({ robot: "c", regularity: { ...regularity, measures: "lateness" } });
  const one = robotSchema.parse((await app.inject("/api/v1/robots/a")).json());
  expect(one.regularity).toEqual({
    measures: "interval",
    samples: 60,
    usual_ms: 10_003,
    newest_ms: 10_040,
    jitter_ms: 20,
    jitter_ratio: 0.002,
    drift_ms: -35,
    drift_ratio: -0.0035,
    early: 1,
    late: 2,
    late_allowance_ms: 400,
    newest_score: 1.5,
    silence_score: null,
    as_of: "2026-01-02T03:04:05.678Z",
  });
  const cron = (await app.inject("/api/v1/robots/c")).json<RobotJson>();
  expect(cron.regularity).toMatchObject({ jitter_ms: 20, jitter_ratio: null, drift_ratio: null });
});

test("HT6 what is not known is null: no beat, no home, no schedule", async () => {
  node.add({
    robot: "a",
    status: "new",
    lastCheckWallMs: undefined,
    ageMs: undefined,
    node: undefined,
    schedule: undefined,
  });
  node.add({ robot: "b", node: "12D3KooWGone" });
  expect(robotSchema.parse((await app.inject("/api/v1/robots/a")).json())).toMatchObject({
    last_check: null,
    age_ms: null,
    node: null,
    node_id: null,
    region: null,
    schedule: null,
    reason: null,
  });
  expect((await app.inject("/api/v1/robots/b")).json<RobotJson>()).toMatchObject({
    node: null,
    node_id: "12D3KooWGone",
    region: null,
  });
});

test("HT6 a cron schedule shows its line, zone and next due time", async () => {
  node.add({
    robot: "a",
    schedule: { type: "cron", line: "0 3 * * *", timeZone: "UTC", graceMs: 1, startupMs: 2 },
    dueWallMs: Date.UTC(2026, 0, 3, 3),
  });
  const robot = robotSchema.parse((await app.inject("/api/v1/robots/a")).json());
  expect(robot.schedule).toEqual({
    type: "cron",
    cron: "0 3 * * *",
    time_zone: "UTC",
    grace_ms: 1,
    startup_ms: 2,
    next_due: "2026-01-03T03:00:00.000Z",
  });
});

test("HT6 a clock beyond every calendar does not break the answer", async () => {
  node.add({ robot: "a", lastCheckWallMs: 1e300, sinceWallMs: -1e300 });
  const robot = (await app.inject("/api/v1/robots/a")).json<RobotJson>();
  expect(robot.last_check).toBe("9999-12-31T23:59:59.999Z");
});

test("HT6 an unknown robot is 404, an invalid id is 400", async () => {
  const unknown = await app.inject("/api/v1/robots/nobody");
  expect([unknown.statusCode, unknown.json<ProblemJson>().code]).toEqual([404, "robot-unknown"]);
  const invalid = await app.inject("/api/v1/robots/-a");
  expect([invalid.statusCode, invalid.json<ProblemJson>().code]).toEqual([400, "robot-id-invalid"]);
});

test("HT7 the list is sorted by id, byte-wise", async () => {
  for (const robot of ["b", "B", "a", "a-1"]) node.add({ robot });
  expect(await ids("")).toEqual(["B", "a", "a-1", "b"]);
});

test("HT7 filters by status, region and labels, all of which must hold", async () => {
  node.nodes = [nodeView(), nodeView({ node: "12D3KooWBeta", name: "beta", region: "us-east" })];
  node.add({ robot: "a", labels: { role: "scan", tier: "1" } });
  node.add({ robot: "b", status: "down", node: "12D3KooWBeta", labels: { role: "scan" } });
  node.add({ robot: "c", status: "late", node: undefined, labels: { k: "v=w" } });
  expect(await ids("?status=down")).toEqual(["b"]);
  expect(await ids("?status=down&status=late")).toEqual(["b", "c"]);
  expect(await ids("?region=us-east")).toEqual(["b"]);
  expect(await ids("?label=role%3Dscan")).toEqual(["a", "b"]);
  expect(await ids("?label=role=scan&label=tier=1")).toEqual(["a"]);
  expect(await ids("?label=k=v=w")).toEqual(["c"]);
  expect(await ids("?label=toString=x")).toEqual([]);
  expect(await ids("?region=nowhere")).toEqual([]);
});

test("HT7 a page ends at ROBOTS_PAGE_MAX robots and names the next", async () => {
  for (let i = 0; i < 1_001; i += 1) node.add({ robot: `r${String(i).padStart(4, "0")}` });
  const first = (await app.inject("/api/v1/robots")).json<RobotListJson>();
  expect([first.robots.length, first.next]).toEqual([1_000, "r0999"]);
  const second = (await app.inject(`/api/v1/robots?after=${first.next}`)).json<RobotListJson>();
  expect([second.robots.length, second.next]).toEqual([1, null]);
  const small = (await app.inject("/api/v1/robots?limit=2")).json<RobotListJson>();
  expect([small.robots.length, small.next]).toEqual([2, "r0001"]);
});

test("HT7 a page looks at the robots that are on it, not at the whole fleet", async () => {
  for (let i = 0; i < 3_000; i += 1) node.add({ robot: `r${String(i).padStart(4, "0")}` });
  expect(await ids("?limit=1&after=r1499")).toEqual(["r1500"]);
  expect(node.looks).toBe(2);
});

test("HT7 a filter that matches nothing looks at ROBOTS_STEP_MAX robots at a time, with others in between", async () => {
  for (let i = 0; i < 1_000; i += 1) node.add({ robot: `r${i}`, status: "up" });
  const seen: number[] = [];
  const answer = ids("?status=down");
  while (node.looks < 1_000) {
    await new Promise((next) => setImmediate(next));
    seen.push(node.looks);
  }
  expect(await answer).toEqual([]);
  const steps = seen.map((looks, i) => looks - (seen[i - 1] ?? 0));
  expect(Math.max(...steps)).toBe(200);
});

test("HT7 a robot that is retired while the page is made is left out", async () => {
  for (const robot of ["a", "b", "c"]) node.add({ robot });
  node.robotIds = () => ["a", "b", "c", "gone", "z"];
  node.add({ robot: "z" });
  expect(await ids("?limit=4")).toEqual(["a", "b", "c", "z"]);
});

test.each([
  "status=alive",
  "limit=0",
  "limit=1001",
  "limit=1e2",
  "limit=",
  "label=novalue",
  "label==x",
  "after=-bad",
])("HT7 ?%s is refused 400 request-invalid", async (query) => {
  const answer = await app.inject(`/api/v1/robots?${query}`);
  expect([answer.statusCode, answer.json<ProblemJson>().code]).toEqual([400, "request-invalid"]);
});

test("HT7 more than LABEL_FILTERS_MAX label filters are refused 400", async () => {
  const labels = (count: number): string =>
    Array.from({ length: count }, () => "label=a=b").join("&");
  expect((await app.inject(`/api/v1/robots?${labels(32)}`)).statusCode).toBe(200);
  expect((await app.inject(`/api/v1/robots?${labels(33)}`)).statusCode).toBe(400);
});

test("HT7 unknown parameters are tolerated, of a repeated single one the last counts", async () => {
  node.add({ robot: "a" });
  expect(await ids("?utm_source=mail&__proto__=1&region=x&region=eu-west")).toEqual(["a"]);
});
