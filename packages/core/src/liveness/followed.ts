/**
 * Of which nodes this node keeps facts (rules VE1, PU8): in a small fleet of all members, in a large one of those that it judges itself and
 * of those that somebody has spoken of lately; of the others nothing is said, and that is what there is to know. Besides them of a few nodes that
 * are no members: peers that are about to join, and observers.
 */
import type { Env } from "../env.ts";
import type { NodeId, PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Membership } from "../roster/membership.ts";
import type { Status } from "../view/status.ts";
import type { Absences } from "./absences.ts";
import type { Electorate } from "./electorate.ts";
import type { Goodbyes } from "./goodbyes.ts";
import type { QuietStanding } from "./quiet.ts";
import { HAND_OVER_MS, QUIET_INTERVALS } from "./rules.ts";
import { Subject } from "./subject.ts";

/** Nodes that are no members but whose pulses are followed: peers that are about to join, and observers. */
export const STRANGERS_MAX: number = 64;
/** Which messages a witness has sent is remembered for so long after its last one: a recording of them counts as new afterwards. */
const SPOKE_MS = 600_000;

export interface FollowedDeps {
  readonly env: Env;
  readonly membership: Membership;
  readonly electorate: Electorate;
  /** Shared with the electorate; changed here alone. */
  readonly subjects: Map<NodeId, Subject>;
  readonly absences: Absences;
  readonly goodbyes: Goodbyes;
  /** What is said of a member that this node keeps no facts about. */
  readonly quietOf: (node: NodeId) => QuietStanding | undefined;
  /** This node judges a subject no more. */
  readonly released: (subject: Subject) => void;
}

export class Followed {
  readonly #deps: FollowedDeps;
  readonly #subjects: Map<NodeId, Subject>;
  /** The newest pulse of each member that was forgotten: what is below it is a recording, whoever replays it. */
  readonly #heardOnce: Map<NodeId, PulseName> = new Map();
  #duties: ReadonlySet<NodeId> = new Set();
  #rosterVersion = -1;
  #startedMonoMs = 0;
  #links = "";

  constructor(deps: FollowedDeps) {
    this.#deps = deps;
    this.#subjects = deps.subjects;
  }

  start(now: Now): void {
    this.#startedMonoMs = now.monoMs;
    this.sync(now);
    for (const subject of this.#deps.goodbyes.subjects()) this.#subjects.set(subject.node, subject);
  }

  /** Takes note of who has come and gone, and of hand-overs that are over; whether the roster has changed. */
  sync(now: Now): boolean {
    const { membership, electorate, goodbyes } = this.#deps;
    if (membership.version === this.#rosterVersion) {
      if (electorate.passTime(now.monoMs)) this.#takeDuties(now);
      return false;
    }
    this.#rosterVersion = membership.version;
    electorate.rosterChanged(now.monoMs);
    goodbyes.keepOnly((node) => membership.hasLeft(node));
    for (const node of this.#heardOnce.keys())
      if (membership.member(node) === undefined) this.#heardOnce.delete(node);
    for (const member of membership.members()) {
      if (member.node === this.#deps.env.identity.self) continue;
      const known = this.#subjects.get(member.node);
      // Who has just joined is new to everybody; whoever was there before this node is quiet until somebody says otherwise.
      if (known === undefined && electorate.isLarge && !this.#isNewcomer(member, now)) continue;
      const subject = known ?? this.#add(member.node, now);
      subject.mayBeOfflineMs = member.mayBeOfflineMs;
    }
    this.#takeDuties(now);
    return true;
  }

  /** The facts about a member, from now on if there were none; undefined for all others but those that are followed. */
  ofMember(node: NodeId, now: Now): Subject | undefined {
    const known = this.#subjects.get(node);
    if (known !== undefined || this.#deps.membership.member(node) === undefined) return known;
    return node === this.#deps.env.identity.self ? undefined : this.#add(node, now);
  }

  /** The newest pulse that was ever heard of a node that is followed, or of a member that was forgotten. */
  newestHeard(node: NodeId): PulseName | undefined {
    return this.#subjects.get(node)?.dating.newest ?? this.#heardOnce.get(node);
  }

  /** Whether pulses of this author are followed; strangers only while there is room, or one of them that fell silent gives way. */
  follows(author: NodeId, isConnected: boolean, now: Now): Subject | undefined {
    const known = this.ofMember(author, now);
    if (known !== undefined) return known;
    if (!isConnected || !this.#makeRoom(now)) return undefined;
    return this.#add(author, now);
  }

  /** In a large fleet: forgets members of which nothing is said any more, and that are as everybody of whom nothing is said. */
  prune(quiet: Status, now: Now): void {
    const { electorate, membership, env } = this.#deps;
    if (!electorate.isLarge) return;
    const idleMs = QUIET_INTERVALS * env.config.pulseEveryMs;
    for (const subject of this.#subjects.values()) {
      const { node } = subject;
      if (electorate.isDuty(node) || electorate.isRecipient(node)) continue;
      if (membership.member(node) === undefined || subject.status !== quiet) continue;
      if (subject.isSpokenOf || subject.isPaused(now.monoMs)) continue;
      if (now.monoMs - Math.max(subject.heardMonoMs, subject.sinceMonoMs) < idleMs) continue;
      if (subject.reversalsMonoMs.length > 0 && subject.isFlapping(now.monoMs)) continue;
      if (subject.track !== undefined && now.monoMs - subject.track.spokeMonoMs < SPOKE_MS)
        continue;
      const { newest } = subject.dating;
      if (newest !== undefined) this.#heardOnce.set(node, newest);
      this.#subjects.delete(node);
    }
  }

  #isNewcomer(member: { readonly joinedMonoMs: number } | undefined, now: Now): boolean {
    const { pulseEveryMs } = this.#deps.env.config;
    return (
      member !== undefined &&
      member.joinedMonoMs > this.#startedMonoMs &&
      now.monoMs - member.joinedMonoMs < QUIET_INTERVALS * pulseEveryMs
    );
  }

  /** Whose silence is this node's business now, and with whom it wants to be connected for that. */
  #takeDuties(now: Now): void {
    const { electorate, env } = this.#deps;
    const before = this.#duties;
    this.#duties = electorate.isLarge ? new Set(electorate.duties) : new Set();
    for (const node of this.#duties) {
      const subject = this.ofMember(node, now);
      if (subject === undefined || before.has(node)) continue;
      // What it did before is not this node's to judge (rule PU8).
      if (!subject.isFresh(now.monoMs)) this.#beginAnew(subject, now);
      if (now.monoMs > this.#startedMonoMs) subject.listenUntilMonoMs = now.monoMs + HAND_OVER_MS;
      subject.lookMonoMs = now.monoMs;
    }
    if (electorate.isLarge) {
      for (const node of before) {
        const subject = this.#duties.has(node) ? undefined : this.#subjects.get(node);
        if (subject !== undefined) this.#deps.released(subject);
      }
    } else {
      // Everybody is everybody's witness again.
      for (const subject of before.size > 0 ? this.#subjects.values() : [])
        if (!before.has(subject.node)) this.#beginAnew(subject, now);
    }
    const links = electorate.links();
    if (links.join() === this.#links) return;
    this.#links = links.join();
    env.out.links(links);
  }

  #beginAnew(subject: Subject, now: Now): void {
    subject.baseMonoMs = now.monoMs;
    subject.datedSinceBase = false;
  }

  /** Whether one more stranger may be followed; the longest silent gives way, one that still pulses never does. */
  #makeRoom(now: Now): boolean {
    const { membership } = this.#deps;
    let strangers = 0;
    let silent: Subject | undefined;
    for (const subject of this.#subjects.values()) {
      const { node } = subject;
      // Who has left is shown as such for good (rule VE9).
      if (membership.member(node) !== undefined || membership.hasLeft(node)) continue;
      strangers += 1;
      if (silent === undefined || subject.heardMonoMs < silent.heardMonoMs) silent = subject;
    }
    if (strangers < STRANGERS_MAX) return true;
    if (silent === undefined || now.monoMs - silent.heardMonoMs <= silent.patienceMs) return false;
    return this.#subjects.delete(silent.node);
  }

  #add(node: NodeId, now: Now): Subject {
    const { env, membership, absences } = this.#deps;
    const member = membership.member(node);
    const joinedMonoMs = Math.max(this.#startedMonoMs, member?.joinedMonoMs ?? now.monoMs);
    const subject = new Subject(node, env.config.pulseEveryMs, {
      monoMs: joinedMonoMs,
      wallMs: now.wallMs,
    });
    subject.mayBeOfflineMs = member?.mayBeOfflineMs;
    const quiet = this.#isNewcomer(member, now) ? undefined : this.#deps.quietOf(node);
    if (quiet !== undefined) {
      subject.status = quiet.status;
      subject.reason = quiet.reason;
      subject.sinceMonoMs = quiet.sinceMonoMs;
      subject.sinceWallMs = quiet.sinceWallMs;
    }
    absences.follow(subject, now);
    this.#subjects.set(node, subject);
    env.out.setTimerBy("watch", now.monoMs + env.config.pulseEveryMs);
    return subject;
  }
}
