/** The roster as this node sees it, and how sure it is. */
import type { NodeId, PulseName } from "../ids.ts";
import type { WrittenIds } from "../state/own-volume.ts";
import type { NodeReason, Status } from "./status.ts";

export interface NodeView {
  readonly node: NodeId;
  readonly name: string;
  readonly region: string;
  readonly agent: string;
  readonly status: Status;
  readonly sinceWallMs: number;
  readonly reason: NodeReason | undefined;
  readonly addresses: readonly string[];
  /** Age of the newest dated pulse, by this node's monotonic clock; undefined when none in this boot. */
  readonly lastPulseAgeMs: number | undefined;
  readonly lastPulse: PulseName | undefined;
  /** The promised time between two of its pulses; undefined before the first in this boot. */
  readonly pulseEveryMs: number | undefined;
  /**
   * Its wall clock minus this node's, less the shortest travel time of its pulses (half a round trip, about); undefined when none was
   * dated lately (rule AD7).
   */
  readonly clockOffsetMs: number | undefined;
}

/** A region of which nothing is heard, as the region of the answering node sees it (rule VE4). */
export interface OutageView {
  readonly from: string;
  readonly to: string;
  readonly sinceWallMs: number;
  /** Members of `from` that accuse members of `to`. */
  readonly accusers: readonly NodeId[];
}

export interface FleetView {
  readonly fleet: string;
  readonly self: {
    readonly node: NodeId;
    readonly name: string;
    readonly region: string;
    readonly boot: number;
    /** This node doubts itself (stall, clock step, no majority): every answer of it is `unknown` or first hand. */
    readonly doubt: NodeReason | undefined;
    /** The newest pulse of another process that is alive under this node's key (rule BK1). */
    readonly twin?: PulseName | undefined;
    /** By how many ms what it writes is ahead of its clock, which was set back since it wrote (rule OFF1); undefined where it is not. */
    readonly writesAheadMs?: number | undefined;
    /** How much it has used of what one author may write about; undefined before it can write, and on observers. */
    readonly writtenIds?: WrittenIds | undefined;
  };
  readonly nodes: readonly NodeView[];
  /** Members that count, this node included. */
  readonly roster: number;
  /** This node and those whose newest dated pulse is at most 2.2 intervals old. */
  readonly inSight: number;
  /** Regions that are silent as a whole, by name (rule VE4). */
  readonly unreachable: readonly OutageView[];
  /** Hex SHA-256 over the hashes of document `reported`’s records in id order: equal when the canonical exports are (promise P1). */
  readonly documentHash: string;
}
