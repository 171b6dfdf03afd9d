/** The mesh's verdicts in words (DESIGN §1). What a robot says of itself is `Health`, never mixed with these. */

export type Status = "new" | "up" | "late" | "down" | "unknown" | "paused" | "left";
export type Health = "ok" | "degraded" | "failing";

/** Why a node has its status. */
export type NodeReason =
  | "quorum"
  | "single-witness"
  | "no-majority"
  | "no-quorum"
  | "not-heard"
  | "stalled"
  | "undated"
  | "delayed"
  | "lossy"
  | "flapping"
  | "suspected"
  | "restart"
  | "goodbye"
  | "retired"
  | "revoked"
  | "not-granted"
  | "twin"
  | "pair-unknown"
  | "offline-allowed"
  | "region-unreachable";

/** Why a robot has its status. */
export type RobotReason =
  | NodeReason
  | "home-down"
  | "home-unknown"
  | "home-paused"
  | "home-left"
  | "never-started"
  | "missed"
  | "overdue"
  | "run-overdue"
  | "home-minority"
  | "two-homes";
