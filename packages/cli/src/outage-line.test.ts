import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeFetch, run } from "./command-line.test-support.ts";
import { checkPeers } from "./commands/doctor-mesh.ts";
import { outageLook } from "./outage-line.ts";
import { createClient, type RobotJson } from "@pulsemesh/client";

const NOW_MS = Date.UTC(2027, 0, 15, 8, 2, 5);
const SINCE = "2027-01-15T08:00:00.000Z";
const LINE = `region us is out of reach of region eu since ${SINCE} (2m 05s ago): whether its nodes live cannot be told from here`;

const self = { id: "A", name: "alpha", region: "eu", addresses: [], boot: 1 };
const beta = {
  id: "B",
  name: "beta",
  region: "us",
  status: "unknown",
  since: SINCE,
  reason: "region-unreachable",
  addresses: [],
  last_pulse_age_ms: null,
  rtt_ms: null,
  pulse_every_ms: null,
  clock_offset_ms: null,
  agent: "t",
};
const outage = { from: "eu", to: "us", since: SINCE, accusers: ["A", "gone"] };
const robot = {
  robot_id: "bot",
  status: "unknown",
  since: SINCE,
  reason: "home-unknown",
  health: "ok",
  last_check: null,
  age_ms: null,
  node: "beta",
  node_id: "B",
  region: "us",
  labels: {},
  floating: false,
  schedule: null,
  regularity: null,
  version: "1",
  witnesses: { up: 0, late: 0, down: 0, unknown: 3, of: 3 },
  state: {},
};
const count = { have: 2, need: 3 };
const witnesses = {
  node_id: "B",
  name: "beta",
  region: "us",
  status: "unknown",
  reason: "region-unreachable",
  since: SINCE,
  rule: "VE4",
  needed: "a pulse of any node of its region",
  members: 4,
  in_sight: count,
  accusers: count,
  ups: null,
  pulse: null,
  deadline: null,
  pulse_every_ms: null,
  settle_ms: 300,
  unreachable: outage,
  witnesses: [
    {
      node_id: "A",
      name: "alpha",
      region: "eu",
      self: true,
      opinion: "accuses",
      pulse: null,
      age_ms: 1,
      since: SINCE,
    },
  ],
  verdicts: [],
};

let asked: string[] = [];

function fakeMesh(status = "unknown"): void {
  asked = [];
  const { fetch } = fakeFetch(({ url }) => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    if (pathname === "/api/v1/robots")
      return Response.json({ robots: [{ ...robot, status }], next: null });
    if (pathname === "/api/v1/robots/bot") return Response.json({ ...robot, status });
    if (pathname === "/api/v1/nodes/B/witnesses") return Response.json(witnesses);
    const view = { roster: 4, in_sight: 2, unreachable: [outage], document_hash: "0" };
    return Response.json({ fleet: "f", self, peers: [beta], view });
  });
  vi.stubGlobal("fetch", fetch);
}

beforeEach(() => {
  vi.spyOn(Date, "now").mockReturnValue(NOW_MS);
  fakeMesh();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test.each(["status", "status bot", "peers"])(
  "CLI50 VE4 `%s` says which region is out of reach of which, and since when",
  async (args) => {
    expect((await run(args)).out.split("\n")).toContain(LINE);
  },
);

test("CLI50 `status` asks for regions only where a robot is unknown, and never where it prints JSON", async () => {
  expect(JSON.parse((await run("status --json")).out)).toMatchObject({ robots: [{}] });
  expect(asked).toEqual(["/api/v1/robots"]);
  fakeMesh("up");
  expect((await run("status")).out).not.toContain("out of reach");
  expect(asked).toEqual(["/api/v1/robots"]);
});

test("CLI50 `status -w` asks for regions where other robots are unknown than before, else every ten seconds", async () => {
  let nowMs = 0;
  const look = outageLook(createClient({ baseUrl: "http://127.0.0.1:7420" }), () => nowMs);
  const unknown = { ...robot, status: "unknown" } as RobotJson;
  const up = { ...robot, robot_id: "other", status: "up" } as RobotJson;
  const asks = async (robots: readonly RobotJson[]): Promise<readonly [number, number]> => {
    const before = asked.length;
    const outages = await look(robots);
    return [asked.length - before, outages.length];
  };
  expect(await asks([up])).toEqual([0, 0]);
  expect(await asks([up, unknown])).toEqual([1, 1]);
  for (nowMs = 1_000; nowMs < 10_000; nowMs += 1_000)
    expect(await asks([up, unknown])).toEqual([0, 1]);
  expect(await asks([up, unknown])).toEqual([1, 1]);
  expect(await asks([{ ...up, status: "unknown" }, unknown])).toEqual([1, 1]);
  expect(await asks([up])).toEqual([0, 0]);
});

test("CLI50 CLI48 `explain` says since when the node's region is out of reach, and who misses it", async () => {
  expect((await run("explain beta --node")).out).toContain(
    `  region     us is out of reach of region eu since ${SINCE} (2m 05s ago), by alpha, gone`,
  );
});

test("CLI50 CLI18 `doctor` warns of each region that is out of reach", async () => {
  const findings = await checkPeers(createClient({ baseUrl: "http://127.0.0.1:7420" }));
  expect(findings.filter(({ check }) => check === "region")).toMatchObject([
    { result: "warn", detail: `us is out of reach of region eu since ${SINCE} (2m 05s ago)` },
  ]);
});
