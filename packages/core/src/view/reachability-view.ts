/** Who hears whom, as nodes say in their pulses and the answering node knows first hand (rule PU7). */
import type { NodeId } from "../ids.ts";
import type { OutageView } from "./node-view.ts";
import type { Status } from "./status.ts";

/** `lossy`: pulses come, too many are missed; `missed`: none came in time; `unknown`: who looks is not heard itself, or does not say. */
export type Reach = "heard" | "lossy" | "missed" | "unknown";

export interface ReachNode {
  readonly node: NodeId;
  readonly name: string;
  readonly region: string;
  readonly status: Status;
}

/** How one node (`from`) hears another one (`to`). */
export interface ReachPair {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly reach: Reach;
  /** Share of pulses that were missed in the last 20 s, 0 … 1; undefined where only its own node could tell. */
  readonly loss: number | undefined;
}

export interface Reachability {
  /** Sorted by id. */
  readonly nodes: readonly ReachNode[];
  /** Of every witness and its subject, sorted by `from`, then `to`. */
  readonly pairs: readonly ReachPair[];
  /** Regions of which nothing is heard, by name. */
  readonly unreachable: readonly OutageView[];
}
