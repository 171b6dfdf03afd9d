/** What robots need to know of nodes: the verdicts that `liveness/` reached (rule VE6). */
import type { NodeId } from "../ids.ts";
import type { WitnessCount } from "../view/robot-view.ts";
import type { NodeReason, Status } from "../view/status.ts";

export interface NodeStanding {
  readonly status: Status;
  readonly reason: NodeReason | undefined;
  readonly sinceWallMs: number;
  readonly sinceMonoMs: number;
}

export interface NodeStatusPort {
  readonly self: NodeId;
  /** How this node sees another one; undefined when it is no member. Never asked for `self`. */
  status(node: NodeId): NodeStanding | undefined;
  /** Whether this node has a strict majority of the roster in sight, itself included; true when alone on purpose. */
  hasMajority(): boolean;
  /** Since when another process has been alive under this node's key, so that its own word is worth nothing (rule BK1). */
  twinSinceWallMs?(): number | undefined;
  /** What the witnesses of a node say, as known here. */
  witnessCount(node: NodeId): WitnessCount;
}
