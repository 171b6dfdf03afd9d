import type { CoreEvent } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { eventJson, eventSchema } from "./event.ts";

const at = { atWallMs: 0 };
const pulse = { boot: 1, seq: 2 };

/** One of each type; the compiler demands that none is missing. */
const events: { readonly [T in CoreEvent["type"]]: Extract<CoreEvent, { type: T }> } = {
  started: { type: "started", boot: 4 },
  "node-status": {
    type: "node-status",
    node: "n",
    from: "up",
    to: "down",
    reason: "quorum",
    ...at,
  },
  "robot-status": {
    type: "robot-status",
    robot: "r",
    from: undefined,
    to: "new",
    reason: undefined,
    ...at,
  },
  "robot-state": { type: "robot-state", robot: "r", state: { a: 1 }, ...at },
  "robot-beat": { type: "robot-beat", robot: "r", kind: "start", ...at },
  "robot-retired": { type: "robot-retired", robot: "r", by: "n", ...at },
  "region-status": {
    type: "region-status",
    from: "eu",
    to: "us",
    status: "unreachable",
    accusers: ["a"],
    ...at,
  },
  verdict: {
    type: "verdict",
    subject: "n",
    kind: "down",
    pulse,
    accusers: ["a"],
    singleWitness: false,
    ...at,
  },
  rejected: { type: "rejected", reason: "gate", from: undefined },
  quarantined: { type: "quarantined", what: "entry", reason: "bad" },
  rollback: { type: "rollback", author: "n", epoch: 1, seq: 2 },
  forked: { type: "forked", author: "n", epoch: 1, seq: 2 },
  twin: { type: "twin", node: "n", boot: 3, twin: pulse, from: "m", ...at },
  "twin-over": { type: "twin-over", node: "n", boot: 3, twin: pulse, ...at },
  "two-homes": { type: "two-homes", robot: "r", homes: ["a", "b"] },
  stalled: { type: "stalled", forMs: 9 },
  "clock-stepped": { type: "clock-stepped", byMs: -9 },
  statement: { type: "statement", id: "ab", kind: "grant", ...at },
  "authority-stale": { type: "authority-stale", isStale: true, newsWallMs: 0, ...at },
  "charter-disputed": { type: "charter-disputed", number: 7, ...at },
  "root-row": { type: "root-row", from: "n", result: "taken" },
  synced: { type: "synced", with: "n" },
};

const expected: Readonly<Record<CoreEvent["type"], readonly [string | undefined, object]>> = {
  started: [undefined, { boot: 4 }],
  "node-status": ["n", { node_id: "n", from: "up", to: "down", reason: "quorum" }],
  "robot-status": ["r", { robot_id: "r", from: null, to: "new", reason: null }],
  "robot-state": ["r", { robot_id: "r", state: { a: 1 } }],
  "robot-beat": ["r", { robot_id: "r", kind: "start" }],
  "robot-retired": ["r", { robot_id: "r", by: "n" }],
  "region-status": [
    "us",
    { from_region: "eu", to_region: "us", status: "unreachable", accusers: ["a"] },
  ],
  verdict: ["n", { node_id: "n", kind: "down", pulse, accusers: ["a"], single_witness: false }],
  rejected: [undefined, { reason: "gate", from: null }],
  quarantined: [undefined, { what: "entry", reason: "bad" }],
  rollback: ["n", { author: "n", epoch: 1, seq: 2 }],
  forked: ["n", { author: "n", epoch: 1, seq: 2 }],
  twin: ["n", { node_id: "n", boot: 3, twin: pulse, from: "m" }],
  "twin-over": ["n", { node_id: "n", boot: 3, twin: pulse }],
  "two-homes": ["r", { robot_id: "r", homes: ["a", "b"] }],
  stalled: [undefined, { for_ms: 9 }],
  "clock-stepped": [undefined, { by_ms: -9 }],
  statement: [undefined, { id: "ab", kind: "grant" }],
  "authority-stale": [undefined, { stale: true, news_at: "1970-01-01T00:00:00.000Z" }],
  "charter-disputed": [undefined, { number: 7 }],
  "root-row": ["n", { from: "n", result: "taken" }],
  synced: ["n", { with: "n" }],
};

test.each(Object.values(events))("HT11 $type becomes a CloudEvent", (event) => {
  const json = eventJson(event, { id: "s-1", source: "pulsemesh://f/n", wallMs: 1_000 });
  expect(eventSchema.parse(JSON.parse(JSON.stringify(json)))).toEqual(json);
  const [subject, data] = expected[event.type];
  expect([json.subject, json.data]).toEqual([subject, data]);
  expect(json.type).toBe(`pulsemesh.${event.type}`);
  expect(json.time).toBe(
    "atWallMs" in event ? "1970-01-01T00:00:00.000Z" : "1970-01-01T00:00:01.000Z",
  );
});
