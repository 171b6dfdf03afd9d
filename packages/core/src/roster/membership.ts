/**
 * Who counts (rule VE1): a port of core, so that grants can replace today's rule without touching verdicts.
 * Today: every node whose chain header of document `reported` was ever stored, minus those that left or were retired.
 */
import type { NodeId } from "../ids.ts";

export interface Member {
  readonly node: NodeId;
  readonly name: string;
  readonly region: string;
  readonly agent: string;
  /** Monotonic ms at which this node learned of the member in this run; 0 when it was known at start (rule VE8). */
  readonly joinedMonoMs: number;
  /** For how long its silence is no sign of death, in ms, as it says itself; undefined for none (rule VE9). */
  readonly mayBeOfflineMs?: number | undefined;
}

export type MembershipEnding = "revoked" | "not-granted";

export interface Membership {
  /** Members that count, sorted by id, this node included unless it is an observer. */
  members(): readonly Member[];
  member(node: NodeId): Member | undefined;
  /** Nodes that said a signed goodbye, or were retired. */
  hasLeft(node: NodeId): boolean;
  /** Of those, the ones that were retired. */
  hasRetired(node: NodeId): boolean;
  /** Why a node that would be a member is none by the fleet's authority: its key was revoked, or it has no grant (any more). */
  ending(node: NodeId): MembershipEnding | undefined;
  /** Grows with every change of {@link members}; lets readers cache. */
  readonly version: number;
}

export interface MembershipWithStarts extends Membership {
  /** Grows whenever a member is known to have begun a new boot: one that restarted has forgotten what is kept in memory alone. */
  readonly starts: number;
}

/** Members of a fleet at most; chain headers of further authors are refused and counted (rule CH7). */
export const ROSTER_MAX: number = 10_000;
