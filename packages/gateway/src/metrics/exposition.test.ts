import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeView, ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { buildServer } from "../server.ts";

let node: ScriptedNode;
let app: FastifyInstance;

beforeEach(() => {
  node = new ScriptedNode();
  app = buildServer(node, { localOnly: true, version: "1.2.3" });
});

afterEach(async () => {
  await app.close();
});

async function scrape(): Promise<readonly string[]> {
  const answer = await app.inject("/metrics");
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  return answer.body.split("\n");
}

test("HT21 robots and peers are counted by status, absent statuses as 0", async () => {
  node.add({ robot: "a" });
  node.add({ robot: "b", status: "down" });
  node.nodes = [nodeView(), nodeView({ node: "x", status: "down" }), nodeView({ node: "y" })];
  const lines = await scrape();
  expect(lines).toContain('pulsemesh_robots{status="up"} 1');
  expect(lines).toContain('pulsemesh_robots{status="down"} 1');
  expect(lines).toContain('pulsemesh_robots{status="late"} 0');
  expect(lines).toContain('pulsemesh_peers{status="up"} 1');
  expect(lines).toContain('pulsemesh_peers{status="down"} 1');
  expect(lines).toContain("pulsemesh_roster_nodes 3");
  expect(lines).toContain("pulsemesh_ready 1");
  expect(lines).toContain(
    `pulsemesh_build_info{version="1.2.3",node_version="${process.versions.node}"} 1`,
  );
});

test("RG8 HT21 regularity has as many lines with a thousand robots as with one", async () => {
  const regularityLines = async (): Promise<readonly string[]> =>
    (await scrape()).filter((line) => line.startsWith("pulsemesh_regularity_"));
  const regularity = {
    measures: "interval",
    samples: 60,
    usualMs: 10_000,
    newestMs: 10_400,
    jitterMs: 250,
    driftMs: 0,
    early: 0,
    late: 1,
    lateAllowanceMs: 0,
    newestScore: 4.25,
    silenceScore: 0,
    asOfWallMs: 0,
  } as const;
  node.add({ robot: "a", regularity });
  expect(await regularityLines()).toEqual([
    'pulsemesh_regularity_robots{state="learning"} 0',
    'pulsemesh_regularity_robots{state="usual"} 0',
    'pulsemesh_regularity_robots{state="unusual"} 1',
    "pulsemesh_regularity_drifting_robots 0",
    'pulsemesh_regularity_jitter_ratio{stat="median"} 0.025',
    'pulsemesh_regularity_jitter_ratio{stat="worst"} 0.025',
    'pulsemesh_regularity_score{stat="median"} 4.25',
    'pulsemesh_regularity_score{stat="worst"} 4.25',
  ]);
  for (let robot = 0; robot < 1_000; robot += 1) node.add({ robot: `r${robot}`, regularity });
  expect(await regularityLines()).toHaveLength(8);
});

test("HT21 what the node counts is there under its name, with labels", async () => {
  node.nodeMetrics = [
    {
      name: "rejected_total",
      help: "Dropped, by reason.",
      type: "counter",
      samples: [
        { labels: { reason: "gate" }, value: 4 },
        { labels: { reason: "rate" }, value: 0 },
      ],
    },
    {
      name: "pulsemesh_lag_seconds",
      help: "Lag.",
      type: "gauge",
      samples: [{ labels: {}, value: 0.5 }],
    },
  ];
  const lines = await scrape();
  expect(lines).toContain("# TYPE pulsemesh_rejected_total counter");
  expect(lines).toContain('pulsemesh_rejected_total{reason="gate"} 4');
  expect(lines).toContain("pulsemesh_lag_seconds 0.5");
});

test("HT21 quotes, backslashes and line ends in a label or a help text stay inside it", async () => {
  node.nodeMetrics = [
    {
      name: "rejected_total",
      help: "Dropped \\ by\nreason.",
      type: "counter",
      samples: [{ labels: { reason: 'a"b\\c\nd' }, value: 4 }],
    },
  ];
  const lines = await scrape();
  expect(lines).toContain('pulsemesh_rejected_total{reason="a\\"b\\\\c\\nd"} 4');
  expect(lines).toContain("# HELP pulsemesh_rejected_total Dropped \\\\ by\\nreason.");
});

test("HT21 a name given twice costs that metric, not the scrape", async () => {
  const metric = { name: "robots", help: "Again.", type: "gauge", samples: [] } as const;
  node.nodeMetrics = [metric, metric];
  expect(await scrape()).toContain('pulsemesh_robots{status="up"} 0');
});

test("HT21 requests are counted by route, method and status, never by path", async () => {
  await app.inject({ method: "POST", url: "/heartbeat/a" });
  await app.inject({ method: "POST", url: "/heartbeat/b" });
  await app.inject({ method: "POST", url: "/heartbeat/-" });
  await app.inject("/no/such/page");
  const lines = await scrape();
  expect(lines).toContain(
    'pulsemesh_http_requests_total{route="/heartbeat/{robot}",method="POST",status="200"} 2',
  );
  expect(lines).toContain(
    'pulsemesh_http_requests_total{route="/heartbeat/{robot}",method="POST",status="400"} 1',
  );
  expect(lines).toContain('pulsemesh_http_requests_total{route="",method="GET",status="404"} 1');
  expect(lines).toContain("pulsemesh_http_request_duration_seconds_count 3");
});

test("HT21 names follow the conventions: base units, _total for counters only, help for all", async () => {
  const lines = await scrape();
  const types = lines.flatMap((line) => {
    const match = /^# TYPE (\S+) (\S+)$/.exec(line);
    return match === null ? [] : [{ name: match[1] ?? "", type: match[2] ?? "" }];
  });
  expect(types.length).toBeGreaterThan(8);
  for (const { name, type } of types) {
    expect(name).toMatch(/^(pulsemesh|process)_[a-z0-9_]+$/);
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)(_|$)/);
    expect(lines.some((line) => line.startsWith(`# HELP ${name} `))).toBe(true);
  }
});
