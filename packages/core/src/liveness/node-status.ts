/**
 * What this node says of another node right now (rules VE2, VE3, VE5, VE8, VE9, PU7), as one function of the facts, in order of
 * strength: a goodbye, the own ears, a verdict that stands, a quorum of others' ears, and then the reasons not to know.
 */
import type { CoreConfig } from "../config.ts";
import type { MembershipEnding } from "../roster/membership.ts";
import type { NodeReason, Status } from "../view/status.ts";
import type { Electorate } from "./electorate.ts";
import { EXPIRE_INTERVALS } from "./rules.ts";
import type { Subject } from "./subject.ts";

export interface NodeStatus {
  readonly status: Status;
  readonly reason: NodeReason | undefined;
}

export interface StatusFacts {
  readonly electorate: Electorate;
  readonly config: CoreConfig;
  readonly hasLeft: boolean;
  /** It did not say so itself. */
  readonly hasRetired: boolean;
  /** The fleet's authority does not let it be a member. */
  readonly ending: MembershipEnding | undefined;
  /** Of a subject that others judge: what follows of it while they say nothing (rule PU8). */
  readonly quiet: { readonly status: Status; readonly reason: NodeReason | undefined } | undefined;
  /** All of its region is out of reach (rule VE4). */
  readonly isRegionLost: boolean;
  /** This node was stalled or stepped a moment ago and has not yet been re-dated (rule PU6). */
  readonly inDoubt: boolean;
}

/** The status of a subject at `nowMonoMs`. */
export function nodeStatus(facts: StatusFacts, subject: Subject, nowMonoMs: number): NodeStatus {
  if (facts.ending === "revoked") return { status: "left", reason: "revoked" };
  if (facts.hasLeft) return { status: "left", reason: facts.hasRetired ? "retired" : "goodbye" };
  if (facts.ending !== undefined) return { status: "unknown", reason: facts.ending };
  if (subject.isPaused(nowMonoMs)) return { status: "paused", reason: "restart" };
  if (subject.isTwin(nowMonoMs)) return { status: "unknown", reason: "twin" };
  // At the border each late pulse is inside the deadline for a moment: that is one state, and no coming and going.
  const isStillDelayed = subject.reason === "delayed" && subject.isDelayed(nowMonoMs);
  if (subject.isFresh(nowMonoMs) && !isStillDelayed) return liveStatus(facts, subject, nowMonoMs);
  if (subject.latch !== undefined) {
    // Down and back every few seconds is one fact, that it comes and goes (ADR 0031).
    if (subject.isFlapping(nowMonoMs)) return { status: "late", reason: "flapping" };
    return { status: "down", reason: subject.latch.singleWitness ? "single-witness" : "quorum" };
  }
  if (facts.isRegionLost) return { status: "unknown", reason: "region-unreachable" };
  const { electorate, config, quiet } = facts;
  if (quiet !== undefined)
    return quiet.status === "up" ? liveStatus(facts, subject, nowMonoMs) : quiet;
  const hasMajority = electorate.hasMajority(nowMonoMs);
  if (
    hasMajority &&
    electorate.roster > 2 &&
    electorate.freshWitnesses(subject, nowMonoMs) >= electorate.quorumOver(subject.node)
  ) {
    return liveStatus(facts, subject, nowMonoMs);
  }
  if (facts.inDoubt) return { status: "unknown", reason: "stalled" };
  if (subject.isUndated(nowMonoMs)) return { status: "unknown", reason: "undated" };
  if (subject.isDelayed(nowMonoMs)) return { status: "unknown", reason: "delayed" };
  if (subject.isAllowedAway(nowMonoMs)) return { status: "unknown", reason: "offline-allowed" };
  if (!hasMajority) {
    return {
      status: "unknown",
      reason: electorate.isPair && config.pair === "unknown" ? "pair-unknown" : "no-majority",
    };
  }
  if (!subject.datedSinceBase) return { status: "unknown", reason: "not-heard" };
  const suspectedMs = nowMonoMs - subject.deadlineMonoMs;
  // Enough are in sight, but for long neither a quorum accuses it nor a quorum hears it.
  if (suspectedMs > EXPIRE_INTERVALS * config.pulseEveryMs)
    return { status: "unknown", reason: "no-quorum" };
  return { status: "late", reason: "suspected" };
}

function liveStatus(facts: StatusFacts, subject: Subject, nowMonoMs: number): NodeStatus {
  if (subject.isFlapping(nowMonoMs)) return { status: "late", reason: "flapping" };
  if (facts.electorate.isLossy(subject, nowMonoMs)) return { status: "late", reason: "lossy" };
  return { status: "up", reason: undefined };
}
