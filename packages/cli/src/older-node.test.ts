import { afterEach, expect, test, vi } from "vitest";
import { createClient } from "@pulsemesh/client";
import { fakeFetch, run } from "./command-line.test-support.ts";
import { checkPeers } from "./commands/doctor-mesh.ts";

const SINCE = "2027-01-15T08:00:00.000Z";
/** What release 0.1.0 says: nothing of regularity, homes that change, paces, clocks and regions. */
const robot = {
  robot_id: "bot",
  status: "unknown",
  since: SINCE,
  reason: null,
  health: "ok",
  last_check: null,
  age_ms: null,
  node: "beta",
  node_id: "B",
  region: "us",
  labels: {},
  schedule: null,
  version: "1",
  witnesses: { up: 0, late: 0, down: 0, unknown: 1, of: 1 },
  state: {},
};
const peers = {
  fleet: "f",
  self: { id: "A", name: "alpha", region: "eu", addresses: [], boot: 1 },
  peers: [
    {
      id: "B",
      name: "beta",
      region: "us",
      status: "unknown",
      since: SINCE,
      reason: null,
      addresses: [],
      last_pulse_age_ms: null,
      rtt_ms: null,
    },
  ],
  view: { roster: 2, in_sight: 1, document_hash: "00" },
};
const answers: Readonly<Record<string, unknown>> = {
  "/api/v1/robots": { robots: [robot], next: null },
  "/api/v1/robots/bot": robot,
  "/api/v1/peers": peers,
};
const answer = ({ url }: { readonly url: string }): Response =>
  Response.json(answers[new URL(url).pathname]);

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each(["peers", "status", "status bot", "robot list"])(
  "HT22 UP1 `%s` shows what a node of an earlier release says, and makes up nothing of what it leaves out",
  async (args) => {
    vi.stubGlobal("fetch", fakeFetch(answer).fetch);
    const { out, err } = await run(args);
    expect(out).toContain("beta");
    expect(out + err).not.toMatch(/undefined|NaN/);
  },
);

test("HT22 UP1 doctor reads the peers of a node of an earlier release", async () => {
  vi.stubGlobal("fetch", fakeFetch(answer).fetch);
  const findings = await checkPeers(createClient({ baseUrl: "http://127.0.0.1:7420" }));
  expect(findings.length).toBeGreaterThan(0);
  expect(JSON.stringify(findings)).not.toMatch(/undefined|NaN/);
});
