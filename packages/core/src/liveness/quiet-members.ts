/** What a node of a large fleet says of members that nobody speaks of, member by member (rules PU8, VE4). */
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Membership } from "../roster/membership.ts";
import type { NodeReason, Status } from "../view/status.ts";
import type { Electorate } from "./electorate.ts";
import { Quiet, type QuietStanding } from "./quiet.ts";
import { ANSWERED_INTERVALS, EXPIRE_INTERVALS, QUIET_INTERVALS } from "./rules.ts";
import type { Subject } from "./subject.ts";

export class QuietMembers {
  readonly #env: Env;
  readonly #membership: Membership;
  readonly #electorate: Electorate;
  readonly #quiet: Quiet;

  constructor(
    env: Env,
    deps: { readonly membership: Membership; readonly electorate: Electorate },
  ) {
    this.#env = env;
    this.#membership = deps.membership;
    this.#electorate = deps.electorate;
    this.#quiet = new Quiet(env.config.pulseEveryMs);
  }

  /** What is said of them in general. */
  get status(): Status {
    return this.#quiet.standing.status;
  }

  /** This node began anew, or was away. */
  begin(now: Now): void {
    this.#quiet.begin(now);
  }

  /** Looks at how sure this node is; returns what it said before, where something has changed. */
  look(doubt: NodeReason | undefined, now: Now): Status | undefined {
    return this.#quiet.look(doubt, now)?.status;
  }

  /** What this node says of a member that it keeps no facts about; undefined in a small fleet, and of others than members. */
  ofMember(node: NodeId): QuietStanding | undefined {
    const { isLarge, regions } = this.#electorate;
    if (!isLarge || this.#membership.member(node) === undefined) return undefined;
    const { standing } = this.#quiet;
    const outage = regions.outageOf(node);
    if (outage !== undefined) {
      const { sinceMonoMs, sinceWallMs } = outage;
      return { status: "unknown", reason: "region-unreachable", sinceMonoMs, sinceWallMs };
    }
    if (standing.status !== "up") return standing;
    // What happened there while it was out of reach is not known before its witnesses have had the time to say it again.
    if (regions.isReturning(node)) return { ...standing, status: "unknown", reason: "not-heard" };
    if (this.#electorate.isWatched(node)) return standing;
    return { ...standing, status: "unknown", reason: "no-quorum" };
  }

  /**
   * What follows of a subject that this node does not judge itself, as long as its witnesses come to no verdict; the same of one that it does judge and does not
   * hear, as long as it may be its own link that is at fault.
   */
  ofSubject(subject: Subject, now: Now): QuietStanding | undefined {
    const { node } = subject;
    const { pulseEveryMs } = this.#env.config;
    const isDuty = this.#electorate.isDuty(node);
    if (isDuty && !this.#mayBeOwnLink(subject, now)) return undefined;
    const standing = this.ofMember(node);
    if (standing?.status !== "up") return isDuty ? undefined : standing;
    const joinedMonoMs = this.#membership.member(node)?.joinedMonoMs ?? 0;
    if (joinedMonoMs + QUIET_INTERVALS * pulseEveryMs > now.monoMs)
      return { ...standing, status: "unknown", reason: "not-heard" };
    if (this.#isSaidDelayed(subject)) return { ...standing, status: "unknown", reason: "delayed" };
    const unansweredMs = now.monoMs - this.#accusedMonoMs(subject);
    if (unansweredMs > EXPIRE_INTERVALS * pulseEveryMs)
      return { ...standing, status: "unknown", reason: "no-quorum" };
    if (unansweredMs > ANSWERED_INTERVALS * pulseEveryMs)
      return { ...standing, status: "late", reason: "suspected" };
    return standing;
  }

  /** Whether others have shown pulses of a silent subject lately, or have not had the time to. What comes, and comes too late, is no silence. */
  #mayBeOwnLink(subject: Subject, now: Now): boolean {
    const { pulseEveryMs } = this.#env.config;
    const { monoMs } = now;
    // So long after an answer it is accused again, and so long that takes to be answered.
    const shownMs = (EXPIRE_INTERVALS + ANSWERED_INTERVALS) * pulseEveryMs;
    if (monoMs - subject.shownMonoMs <= shownMs) return true;
    if (subject.isDelayed(monoMs) || subject.isUndated(monoMs) || subject.isAllowedAway(monoMs))
      return false;
    const date = subject.datedSinceBase ? subject.dating.newestDate : undefined;
    const silentMs = date === undefined ? Number.POSITIVE_INFINITY : monoMs - date.dateMonoMs;
    return silentMs - subject.patienceMs <= ANSWERED_INTERVALS * pulseEveryMs;
  }

  /**
   * Whether most of its witnesses get its pulses too late to know that it lives: they accuse nobody of whom so much comes, and others hear nothing of it. A quorum
   * of accusers is answered by those that hear it; nobody answers this.
   */
  #isSaidDelayed({ node, delays }: Subject): boolean {
    if (delays.size === 0) return false;
    let saying = 0;
    for (const witness of delays.keys())
      if (
        this.#electorate.isWitness(witness, node) &&
        this.#electorate.regions.speaksOver(witness, node)
      )
        saying += 1;
    return saying * 2 > this.#electorate.electorateOf(node).length;
  }

  /** Since when somebody whose word counts accuses a subject by its newest pulse; infinite where nobody does. */
  #accusedMonoMs(subject: Subject): number {
    const { node, accusations } = subject;
    let sinceMonoMs = Number.POSITIVE_INFINITY;
    // As good as always, and asked of everybody every interval.
    if (accusations.size === 0) return sinceMonoMs;
    const { newestName } = subject;
    for (const [witness, { name, namedMonoMs }] of accusations)
      if (
        comparePulseNames(name, newestName) === 0 &&
        this.#electorate.isWitness(witness, node) &&
        this.#electorate.regions.speaksOver(witness, node)
      )
        sinceMonoMs = Math.min(sinceMonoMs, namedMonoMs);
    return sinceMonoMs;
  }
}
