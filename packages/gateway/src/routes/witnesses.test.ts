import { expect, test } from "vitest";
import {
  nodeWitnesses,
  robotView,
  ScriptedNode,
  START_WALL_MS,
} from "../../../../test/support/scripted-node.ts";
import { matrixSchema } from "../json/matrix.ts";
import { nodeWitnessesSchema, robotWitnessesSchema } from "../json/witnesses.ts";
import { buildServer } from "../server.ts";

const AT = "2026-01-02T03:04:05.678Z";
const LATER = "2026-01-02T03:04:05.978Z";

test("HT39 the witnesses of a node: who says what by which pulse, the rule that decides, and what is needed", async () => {
  const node = new ScriptedNode();
  node.nodeWitnesses.set("12D3KooWBeta", nodeWitnesses());
  const app = buildServer(node, { localOnly: true });
  const answer = await app.inject("/api/v1/nodes/12D3KooWBeta/witnesses");
  expect(answer.statusCode).toBe(200);
  const pulse = { boot: 3, seq: 9 };
  const accuser = { region: "eu-west", opinion: "accuses", pulse, age_ms: 812, since: AT };
  expect(nodeWitnessesSchema.parse(answer.json())).toEqual({
    node_id: "12D3KooWBeta",
    name: "beta",
    region: "us-east",
    status: "down",
    reason: "quorum",
    since: LATER,
    rule: "VE3",
    needed: "a newer pulse",
    members: 4,
    in_sight: { have: 3, need: 3 },
    accusers: { have: 2, need: 3 },
    ups: { have: 0, need: 3 },
    pulse,
    deadline: "2026-01-02T03:04:05.677Z",
    pulse_every_ms: 1_000,
    settle_ms: 300,
    unreachable: null,
    witnesses: [
      { ...accuser, node_id: "12D3KooWSelf", name: "alpha", self: true },
      { ...accuser, node_id: "12D3KooWZeta", name: "zeta", self: false },
      {
        ...accuser,
        node_id: "12D3KooWEta",
        name: "eta",
        self: false,
        opinion: "silent",
        pulse: null,
        age_ms: null,
        since: null,
      },
    ],
    verdicts: [
      {
        at: LATER,
        pulse,
        accusers: ["12D3KooWSelf", "12D3KooWZeta", "12D3KooWGone"],
        single_witness: false,
        evidence: { accusations: 3, objections: 0, ups: 0 },
        ended: null,
      },
    ],
  });
  const unknown = await app.inject("/api/v1/nodes/12D3KooWNobody/witnesses");
  expect([unknown.statusCode, unknown.json().code]).toEqual([404, "peer-unknown"]);
  await app.close();
});

test("HT39 VE4 a node whose region is out of reach is told with since when, and who misses it", async () => {
  const node = new ScriptedNode();
  const outage = { from: "eu-west", to: "us-east", sinceWallMs: START_WALL_MS, accusers: ["a"] };
  node.nodeWitnesses.set("12D3KooWBeta", nodeWitnesses({ outage, reason: "region-unreachable" }));
  const app = buildServer(node, { localOnly: true });
  const answer = await app.inject("/api/v1/nodes/12D3KooWBeta/witnesses");
  expect(nodeWitnessesSchema.parse(answer.json()).unreachable).toEqual({
    from: "eu-west",
    to: "us-east",
    since: AT,
    accusers: ["a"],
  });
  await app.close();
});

test("HT39 the evidence of a node is its bundle byte for byte, and verdict-none where there is none", async () => {
  const node = new ScriptedNode();
  node.nodeWitnesses.set("12D3KooWBeta", nodeWitnesses());
  const app = buildServer(node, { localOnly: true });
  const path = "/api/v1/nodes/12D3KooWBeta/evidence";
  const none = await app.inject(path);
  expect([none.statusCode, none.json().code]).toEqual([404, "verdict-none"]);
  const bundle = '{"format":"pulsemesh-verdict/1"}\n';
  node.bundles.set("12D3KooWBeta", bundle);
  const answer = await app.inject(path);
  expect([answer.statusCode, answer.body]).toEqual([200, bundle]);
  expect(answer.headers["content-type"]).toContain("application/json");
  const unknown = await app.inject("/api/v1/nodes/12D3KooWNobody/evidence");
  expect(unknown.json().code).toBe("peer-unknown");
  await app.close();
});

test("HT39 the witnesses of a robot: its home's word with the deadlines of its schedule, and who sees that home", async () => {
  const node = new ScriptedNode();
  node.nodeWitnesses.set("12D3KooWBeta", nodeWitnesses());
  const lastCheckWallMs = START_WALL_MS;
  const every = {
    type: "every",
    everyMs: 10_000,
    graceMs: 5_000,
    missed: 2,
    startupMs: 60_000,
  } as const;
  const cron = {
    type: "cron",
    line: "0 3 * * *",
    timeZone: "UTC",
    graceMs: 5_000,
    startupMs: 60_000,
  } as const;
  const robots = [
    robotView({
      robot: "a",
      node: "12D3KooWBeta",
      status: "down",
      reason: "home-down",
      schedule: every,
      lastCheckWallMs,
    }),
    robotView({
      robot: "b",
      schedule: cron,
      dueWallMs: START_WALL_MS,
      reason: "overdue",
      status: "late",
    }),
    robotView({
      robot: "c",
      status: "new",
      lastCheckWallMs: undefined,
      sinceWallMs: START_WALL_MS,
      schedule: every,
    }),
    robotView({ robot: "d", node: undefined, schedule: undefined }),
  ];
  for (const robot of robots) node.robotMap.set(robot.robot, robot);
  const app = buildServer(node, { localOnly: true });
  const ask = async (id: string): Promise<ReturnType<typeof robotWitnessesSchema.parse>> =>
    robotWitnessesSchema.parse((await app.inject(`/api/v1/robots/${id}/witnesses`)).json());
  const a = await ask("a");
  expect([a.rule, a.home?.name]).toEqual(["VE6", "beta"]);
  expect([a.word.late_at, a.word.down_at]).toEqual([
    "2026-01-02T03:04:15.678Z",
    "2026-01-02T03:04:30.678Z",
  ]);
  const b = await ask("b");
  expect([b.rule, b.home, b.word.late_at, b.word.down_at]).toEqual([
    "VE7",
    null,
    AT,
    "2026-01-02T03:04:10.678Z",
  ]);
  const c = await ask("c");
  expect([c.rule, c.word.late_at, c.word.down_at]).toEqual([
    "VE7",
    null,
    "2026-01-02T03:05:05.678Z",
  ]);
  const d = await ask("d");
  expect([d.home, d.word.schedule, d.word.down_at]).toEqual([null, null, null]);
  const unknown = await app.inject("/api/v1/robots/nobody/witnesses");
  expect([unknown.statusCode, unknown.json().code]).toEqual([404, "robot-unknown"]);
  await app.close();
});

test("HT40 VE4 the matrix is who hears whom by places in the list of nodes, or counted from region to region with the worst loss, and since when a region is out of reach", async () => {
  const node = new ScriptedNode();
  const of = (
    id: string,
    region: string,
  ): { node: string; name: string; region: string; status: "up" } => ({
    node: id,
    name: id,
    region,
    status: "up",
  });
  node.reach = {
    nodes: [of("na", "eu"), of("nb", "eu"), of("nc", "us")],
    pairs: [
      { from: "na", to: "nb", reach: "heard", loss: 0.12345 },
      { from: "na", to: "nc", reach: "lossy", loss: 0.6 },
      { from: "nb", to: "na", reach: "heard", loss: undefined },
      { from: "nb", to: "nc", reach: "missed", loss: undefined },
      { from: "nc", to: "na", reach: "lossy", loss: undefined },
      { from: "nc", to: "nb", reach: "unknown", loss: undefined },
    ],
    unreachable: [{ from: "eu", to: "us", sinceWallMs: START_WALL_MS, accusers: ["na", "nb"] }],
  };
  const app = buildServer(node, { localOnly: true });
  const byNode = matrixSchema.parse((await app.inject("/api/v1/matrix")).json());
  expect(byNode.by === "node" ? byNode.nodes[2] : undefined).toEqual({
    node_id: "nc",
    name: "nc",
    region: "us",
    status: "up",
  });
  expect(byNode.pairs.slice(0, 3)).toEqual([
    { from: 0, to: 1, reach: "heard", loss: 0.123 },
    { from: 0, to: 2, reach: "lossy", loss: 0.6 },
    { from: 1, to: 0, reach: "heard", loss: null },
  ]);
  const none = { heard: 0, lossy: 0, missed: 0, unknown: 0, unreachable_since: null };
  const answer = await app.inject("/api/v1/matrix?by=region");
  expect(matrixSchema.parse(answer.json())).toEqual({
    by: "region",
    regions: ["eu", "us"],
    pairs: [
      { ...none, from: "eu", to: "eu", pairs: 2, heard: 2, worst_loss: 0.123 },
      {
        ...none,
        from: "eu",
        to: "us",
        pairs: 2,
        lossy: 1,
        missed: 1,
        worst_loss: 0.6,
        unreachable_since: AT,
      },
      { ...none, from: "us", to: "eu", pairs: 2, lossy: 1, unknown: 1, worst_loss: 0.4 },
    ],
  });
  const wrong = await app.inject("/api/v1/matrix?by=continent");
  expect([wrong.statusCode, wrong.json().code]).toEqual([400, "request-invalid"]);
  await app.close();
});
