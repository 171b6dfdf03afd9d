import { expect, test } from "vitest";
import { nodeView, ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { peersSchema } from "../json/peers.ts";
import { buildServer } from "../server.ts";

test("HT10 peers are this node, the others by id with spans in whole milliseconds, and how much is in sight", async () => {
  const node = new ScriptedNode();
  node.nodes = [
    nodeView({
      node: "12D3KooWZeta",
      name: "zeta",
      status: "down",
      reason: "quorum",
      lastPulseAgeMs: 812.4999,
      pulseEveryMs: undefined,
      clockOffsetMs: undefined,
      agent: "pulsemesh/0.0.9",
    }),
    nodeView(),
    nodeView({ node: "12D3KooWBeta", name: "beta", lastPulseAgeMs: undefined }),
  ];
  const app = buildServer(node, { localOnly: true });
  const answer = await app.inject("/api/v1/peers");
  expect(answer.statusCode).toBe(200);
  expect(peersSchema.parse(answer.json())).toEqual({
    fleet: "fleetfleetfleet",
    self: {
      id: "12D3KooWSelf",
      name: "alpha",
      region: "eu-west",
      addresses: ["/ip4/127.0.0.1/tcp/7421/p2p/12D3KooWSelf"],
      boot: 3,
    },
    peers: [
      {
        id: "12D3KooWBeta",
        name: "beta",
        region: "eu-west",
        status: "up",
        since: "2026-01-02T03:04:05.678Z",
        reason: null,
        addresses: ["/ip4/127.0.0.1/tcp/7421"],
        last_pulse_age_ms: null,
        rtt_ms: 2,
        pulse_every_ms: 1_000,
        clock_offset_ms: 0,
        agent: "pulsemesh/0.1.0",
      },
      {
        id: "12D3KooWZeta",
        name: "zeta",
        region: "eu-west",
        status: "down",
        since: "2026-01-02T03:04:05.678Z",
        reason: "quorum",
        addresses: ["/ip4/127.0.0.1/tcp/7421"],
        last_pulse_age_ms: 812,
        rtt_ms: 2,
        pulse_every_ms: null,
        clock_offset_ms: null,
        agent: "pulsemesh/0.0.9",
      },
    ],
    view: { roster: 3, in_sight: 2, unreachable: [], document_hash: "ab".repeat(32) },
  });
  await app.close();
});
