import { OLDER_NODE_ANSWERS } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { createClient } from "./client.ts";

/** What the node that was asked first said of witnesses. */
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
  ...OLDER_NODE_ANSWERS,
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
    client.robot("bot"),
    client.robots(),
    client.peers(),
    client.auditVerify(),
    client.nodeWitnesses("n2"),
    client.regionMatrix(),
  ]);
  expect(read).toEqual(
    [
      answers["/api/v1/robots/bot"],
      [answers["/api/v1/robots/bot"]],
      answers["/api/v1/peers"],
      answers["/api/v1/audit/verify"],
      WITNESSES,
      answers["/api/v1/matrix"],
    ].map((value) => ({ status: "fulfilled", value })),
  );
  expect(new Set(asked).size).toBe(6);
});
