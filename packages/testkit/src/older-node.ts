/** What a node of release 0.1.0 answers: nothing of what came later (regularity, homes that change, paces, clocks, regions). */

const SINCE = "2027-01-15T08:00:00.000Z";

const ROBOT = {
  robot_id: "bot",
  status: "unknown",
  since: SINCE,
  reason: null,
  health: "ok",
  last_check: null,
  age_ms: null,
  node: "beta",
  node_id: "n2",
  region: "us",
  labels: {},
  schedule: null,
  version: "1",
  witnesses: { up: 0, late: 0, down: 0, unknown: 1, of: 1 },
  state: {},
};

/** By the path that is asked for: a robot, all robots, and the one other node of its fleet. */
export const OLDER_NODE_ANSWERS: Readonly<Record<string, unknown>> = {
  "/api/v1/robots/bot": ROBOT,
  "/api/v1/robots": { robots: [ROBOT], next: null },
  "/api/v1/peers": {
    fleet: "f",
    self: { id: "n1", name: "alpha", region: "eu", addresses: [], boot: 1 },
    peers: [
      {
        id: "n2",
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
  },
};
