/** Which rule of the protocol a status rests on, for people who want to look it up (docs/SPEC.md). */
import type { NodeReason, RobotReason } from "../view/status.ts";

const RULES: Readonly<Record<RobotReason, string>> = {
  quorum: "VE3",
  "single-witness": "VE5",
  "no-majority": "VE2",
  "no-quorum": "VE2",
  "not-heard": "VE8",
  stalled: "PU6",
  undated: "PU4",
  delayed: "PU7",
  lossy: "PU7",
  flapping: "PU7",
  suspected: "VE3",
  restart: "VE9",
  goodbye: "VE9",
  retired: "VE1",
  revoked: "ME1",
  "not-granted": "ME3",
  twin: "BK1",
  "pair-unknown": "VE5",
  "offline-allowed": "VE9",
  "region-unreachable": "VE4",
  "home-down": "VE6",
  "home-unknown": "VE6",
  "home-paused": "VE6",
  "home-left": "VE6",
  "home-minority": "VE6",
  "two-homes": "VE6",
  "never-started": "VE7",
  missed: "VE7",
  overdue: "VE7",
  "run-overdue": "VE7",
};

/** Without a reason a node is `up`: heard first hand, or by a quorum of those in sight. */
export function decidingRule(reason: NodeReason | undefined): string {
  return reason === undefined ? "VE3" : RULES[reason];
}

/** Without a reason a robot is what its home says by its deadlines. */
export function decidingRobotRule(reason: RobotReason | undefined): string {
  return reason === undefined ? "VE7" : RULES[reason];
}
