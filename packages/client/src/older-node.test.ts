import { expect, test } from "vitest";
import { createClient } from "./client.ts";

/** What release 0.1.0 says, and the node that was asked first said of witnesses: nothing of what came later. */
const ROBOT = {
  robot_id: "a",
  status: "up",
  since: "2026-01-01T00:00:00.000Z",
  reason: null,
  health: "ok",
  last_check: null,
  age_ms: null,
  node: "alpha",
  node_id: "n1",
  region: "eu",
  labels: {},
  schedule: null,
  version: "1",
  witnesses: { up: 1, late: 0, down: 0, unknown: 0, of: 1 },
  state: {},
};
const PEER = {
  id: "n2",
  name: "beta",
  region: "eu",
  status: "up",
  since: "2026-01-01T00:00:00.000Z",
  reason: null,
  addresses: [],
  last_pulse_age_ms: 10,
  rtt_ms: null,
};
const PEERS = {
  fleet: "f",
  self: { id: "n1", name: "alpha", region: "eu", addresses: [], boot: 1 },
  peers: [PEER],
  view: { roster: 2, in_sight: 2, document_hash: "00" },
};
const WITNESSES = {
  node_id: "n2",
  name: "beta",
  region: "eu",
  status: "up",
  reason: null,
  since: "2026-01-01T00:00:00.000Z",
  rule: "VE3",
  needed: "nothing",
  members: 2,
  in_sight: { have: 2, need: 2 },
  accusers: { have: 0, need: 1 },
  ups: null,
  pulse: null,
  deadline: null,
  pulse_every_ms: null,
  settle_ms: 1_000,
  witnesses: [],
  verdicts: [],
};
const PAIR = {
  from: "eu",
  to: "us",
  pairs: 1,
  heard: 1,
  lossy: 0,
  missed: 0,
  unknown: 0,
  worst_loss: null,
};

const answers: Readonly<Record<string, unknown>> = {
  "/api/v1/robots/a": ROBOT,
  "/api/v1/robots": { robots: [ROBOT], next: null },
  "/api/v1/peers": PEERS,
  "/api/v1/audit/verify": { ok: true, size: 3, head: "00" },
  "/api/v1/nodes/n2/witnesses": WITNESSES,
  "/api/v1/matrix": { by: "region", regions: ["eu", "us"], pairs: [PAIR] },
};

test("HT22 UP1 the answers of a node of an earlier release, which leave out what came later, are read as they are", async () => {
  const asked: string[] = [];
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420",
    fetch: (input) => {
      const { pathname } = new URL(input as string);
      asked.push(pathname);
      return Promise.resolve(Response.json(answers[pathname]));
    },
  });
  const read = await Promise.allSettled([
    client.robot("a"),
    client.robots(),
    client.peers(),
    client.auditVerify(),
    client.nodeWitnesses("n2"),
    client.regionMatrix(),
  ]);
  expect(read).toEqual(
    [
      ROBOT,
      [ROBOT],
      PEERS,
      answers["/api/v1/audit/verify"],
      WITNESSES,
      answers["/api/v1/matrix"],
    ].map((value) => ({ status: "fulfilled", value })),
  );
  expect(new Set(asked).size).toBe(6);
});
