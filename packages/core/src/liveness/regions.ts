/**
 * Regions that are out of reach as a whole (rule VE4): many silent nodes of one region are one fact about the way there, and no deaths.
 *
 * A region with two members or more is *dark* where none of them is heard. Of a node in a dark region nobody can tell whether it died or the
 * way to it did, so nobody says `down`: that takes a sign of life of another node there, made after the subject fell silent. Once two
 * members of the reader's own region accuse most of the dark one, that region is unreachable; while that stands its members leave the
 * electorate, so that each side goes on judging its own.
 *
 * A member of the own region that fell silent together with the dark one may be on the other side of the same cut, alive and with a majority:
 * about it the lost region keeps its say (ADR 0029). Rejected: a vote of regions as wholes, which needs a word that all of one
 * region agree on, and they may be cut from each other too.
 */
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Member, Membership } from "../roster/membership.ts";
import {
  GOSSIP_ROSTER,
  IN_SIGHT_INTERVALS,
  JITTER_INTERVALS_MAX,
  LISTEN_AGAIN_INTERVALS,
  REGION_ACCUSERS,
  REGION_SIGN_INTERVALS,
  RESTATE_INTERVALS,
  SILENCE_INTERVALS,
} from "./rules.ts";
import { NO_PULSE, type Subject } from "./subject.ts";

/** A region that is out of another one's reach. */
export interface RegionOutage {
  readonly from: string;
  readonly to: string;
  readonly sinceMonoMs: number;
  readonly sinceWallMs: number;
  /** Members of `from` that accuse members of the other. */
  readonly accusers: readonly NodeId[];
  /** The last sign of life from there. */
  readonly signMonoMs: number;
  /** The longest interval that anybody there promises: so long before a cut its last sign of life may be. */
  readonly intervalMs: number;
  /** The newest pulses that were known of its members. */
  readonly known: ReadonlyMap<NodeId, PulseName>;
}

export interface RegionChange {
  readonly outage: RegionOutage;
  /** `settled`: it has been back for so long that silence about its members says again that they live. */
  readonly step: "lost" | "back" | "settled";
}

export class Regions {
  readonly #env: Env;
  readonly #membership: Membership;
  readonly #subjects: ReadonlyMap<NodeId, Subject>;
  readonly #outages = new Map<string, RegionOutage>();
  /** When regions that were out of reach were heard again last. */
  readonly #backMonoMs = new Map<string, number>();
  /** Since when a region looks lost: so long as a verdict, it may still be heard from. */
  readonly #suspicions = new Map<string, number>();
  /** Regions that are heard again, until what happened there meanwhile has had the time to be said. */
  readonly #returning = new Map<
    string,
    { readonly outage: RegionOutage; readonly untilMonoMs: number }
  >();
  #members: ReadonlyMap<string, readonly Member[]> = new Map();
  #version = -1;

  constructor(
    env: Env,
    deps: { readonly membership: Membership; readonly subjects: ReadonlyMap<NodeId, Subject> },
  ) {
    this.#env = env;
    this.#membership = deps.membership;
    this.#subjects = deps.subjects;
  }

  /** Regions that are out of reach, by name. */
  get outages(): ReadonlyMap<string, RegionOutage> {
    return this.#outages;
  }

  /** The outage that a member's region has, if it has one. */
  outageOf(node: NodeId): RegionOutage | undefined {
    if (this.#outages.size === 0) return undefined;
    const region = this.regionOf(node);
    return region === undefined ? undefined : this.#outages.get(region);
  }

  /** Whether what is said of a member rests on its region's being out of reach, now or a moment ago. */
  isApart(node: NodeId): boolean {
    return this.outageOf(node) !== undefined || this.isReturning(node);
  }

  /** Whether a member's region is in reach again since a moment ago, so that silence about the member says nothing yet. */
  isReturning(node: NodeId): boolean {
    return this.#returning.size > 0 && this.#returning.has(this.regionOf(node) ?? "");
  }

  /**
   * When a member's region was heard again after it was out of reach: silence before that says nothing of the member. Not in a small fleet:
   * whoever hears the member there says so at once, to everybody, and its death is known by then.
   */
  backMonoMs(node: NodeId): number {
    if (this.#membership.members().length <= GOSSIP_ROSTER) return Number.NEGATIVE_INFINITY;
    return this.#backMonoMs.get(this.regionOf(node) ?? "") ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether a member's region is back since so short a time that who lives there need not be in sight yet (rule VE2). */
  isJustBack(node: NodeId, nowMonoMs: number): boolean {
    const { pulseEveryMs } = this.#env.config;
    return nowMonoMs - this.backMonoMs(node) <= IN_SIGHT_INTERVALS * pulseEveryMs;
  }

  /** Members of whom that holds. */
  justBack(nowMonoMs: number): number {
    let back = 0;
    for (const region of this.#returning.keys()) {
      const members = this.membersOf(region);
      const [first] = members;
      if (first !== undefined && this.isJustBack(first.node, nowMonoMs)) back += members.length;
    }
    return back;
  }

  regionOf(node: NodeId): string | undefined {
    return this.#membership.member(node)?.region;
  }

  /** This node's own region; an observer's is the one that it says it is in. */
  get own(): string {
    const { self, region } = this.#env.identity;
    return this.regionOf(self) ?? region;
  }

  membersOf(region: string): readonly Member[] {
    this.#sync();
    return this.#members.get(region) ?? [];
  }

  /** Members in regions that are out of reach; asked after every input, so nobody is looked at one by one. */
  get lost(): number {
    let lost = 0;
    for (const region of this.#outages.keys()) lost += this.membersOf(region).length;
    return lost;
  }

  /** Whether a member has a say in this fleet as long as its region is in reach. */
  counts(node: NodeId): boolean {
    return this.outageOf(node) === undefined;
  }

  /** Whether a member has a say about a subject: not if its region was lost, and the subject was heard after that. */
  countsOver(node: NodeId, subject: NodeId): boolean {
    const outage = this.outageOf(node);
    return outage === undefined || this.#countedOver(outage, subject);
  }

  /**
   * The same of what a member says now. In the moments after its region is back it has as little a say over members elsewhere as while that was out of
   * reach: what it says of who was heard since the loss is of before.
   */
  speaksOver(node: NodeId, subject: NodeId): boolean {
    const region = this.regionOf(node);
    const back = region === undefined ? undefined : this.#returning.get(region);
    if (back === undefined || region === this.regionOf(subject))
      return this.countsOver(node, subject);
    return this.#countedOver(back.outage, subject);
  }

  #countedOver(outage: RegionOutage, subject: NodeId): boolean {
    const about = this.#subjects.get(subject);
    if (about === undefined) return false;
    const slackMs = REGION_SIGN_INTERVALS * Math.max(about.intervalMs, outage.intervalMs);
    const date = about.dating.newestDate?.dateMonoMs;
    if (date !== undefined) return date - outage.signMonoMs < slackMs;
    // Who does not hear it itself knows that it outlived the loss where it was accused late for who fell silent with the region, jitter included.
    const namedMonoMs = firstNamedMonoMs(about);
    if (namedMonoMs === undefined) return true;
    const waitMs = (SILENCE_INTERVALS + JITTER_INTERVALS_MAX) * about.intervalMs;
    return namedMonoMs - waitMs < outage.signMonoMs + slackMs;
  }

  /**
   * Whether the subject's silence is its own: its region has no other member, or this node is there itself, or another member of it gave a sign
   * of life that much later.
   */
  isOwnSilence(subject: Subject, now: Now): boolean {
    const region = this.regionOf(subject.node);
    if (region === undefined || region === this.own) return true;
    const members = this.membersOf(region);
    if (members.length < 2) return true;
    const { intervalMs } = subject;
    const silentMonoMs = lastSignMonoMs(subject) ?? subject.silentSinceMonoMs;
    const fromMonoMs = Math.max(
      silentMonoMs + REGION_SIGN_INTERVALS * intervalMs,
      this.backMonoMs(subject.node) + SILENCE_INTERVALS * intervalMs,
    );
    return members.some(({ node }) => {
      if (node === subject.node) return false;
      // Whoever accuses it by its newest pulse was there when it had been silent for long.
      const accusation = subject.accusations.get(node);
      if (accusation !== undefined && comparePulseNames(accusation.name, subject.newestName) === 0)
        return true;
      return this.#isHeard(node, now) && this.#signMonoMs(node) >= fromMonoMs;
    });
  }

  /**
   * Whether this node may accuse a subject without a majority in sight: the subject's whole region is dark here, and this node is not the
   * one that is cut off, for it hears others of its own region if there are any. Such an accusation makes nobody dead (rule VE2).
   */
  mayAccuseUnseen(subject: Subject, now: Now): boolean {
    const region = this.regionOf(subject.node);
    if (region === undefined || region === this.own) return false;
    const members = this.membersOf(region);
    if (members.length < 2 || members.some(({ node }) => this.#isHeard(node, now))) return false;
    const own = this.#living(this.own);
    return own.length === 1 || own.some((node) => this.#isHeard(node, now));
  }

  /** Whether the accusers are of two regions, or all who could speak are of one. */
  isDiverse(accusers: readonly NodeId[], others: readonly NodeId[], now: Now): boolean {
    const regions = new Set(accusers.map((node) => this.regionOf(node)));
    if (regions.size !== 1) return true;
    return !others.some(
      (node) =>
        !regions.has(this.regionOf(node)) &&
        (node === this.#env.identity.self || this.#isHeard(node, now)),
    );
  }

  /**
   * The region whose members' word counts about others: the own one or, where that has no members, as an observer's may be, the one of which
   * most is heard; undefined where nobody is heard. A reader that hears both sides of a cut calls neither lost, whichever it goes by.
   */
  #viewpoint(now: Now): string | undefined {
    const { own } = this;
    if (this.membersOf(own).length > 0) return own;
    let most: { readonly region: string; readonly heard: number } | undefined;
    for (const [region, members] of this.#members) {
      const heard = members.filter(({ node }) => this.#isHeard(node, now)).length;
      if (heard === 0 || heard < (most?.heard ?? 0)) continue;
      if (heard > (most?.heard ?? 0) || region < (most?.region ?? "")) most = { region, heard };
    }
    return most?.region;
  }

  /** Looks at all other regions; returns what has changed. */
  look(now: Now): readonly RegionChange[] {
    this.#sync();
    const changes: RegionChange[] = [];
    for (const [region, { outage, untilMonoMs }] of this.#returning) {
      if (now.monoMs < untilMonoMs) continue;
      this.#returning.delete(region);
      changes.push({ outage, step: "settled" });
    }
    for (const [region, outage] of this.#outages) {
      const members = this.membersOf(region);
      if (members.length < 2) {
        this.#outages.delete(region);
        changes.push({ outage, step: "settled" });
        continue;
      }
      // Nobody hears everybody in a large fleet: there the accusations end as their authors hear the region again.
      const isBack = members.some(
        ({ node }) =>
          (this.#signMonoMs(node) > outage.signMonoMs && this.#isHeard(node, now)) ||
          this.#isShown(node, outage),
      );
      if (!isBack && this.#isAccused(outage)) continue;
      this.#outages.delete(region);
      const untilMonoMs = now.monoMs + LISTEN_AGAIN_INTERVALS * this.#env.config.pulseEveryMs;
      this.#returning.set(region, { outage, untilMonoMs });
      this.#backMonoMs.set(region, now.monoMs);
      changes.push({ outage, step: "back" });
    }
    const accused = this.#accusedRegions();
    for (const region of this.#suspicions.keys())
      if (!accused.has(region)) this.#suspicions.delete(region);
    const from = accused.size === 0 ? undefined : this.#viewpoint(now);
    for (const region of accused) {
      const accusers = from === undefined ? undefined : this.#accusersOf(region, from, now);
      if (accusers === undefined || from === undefined) {
        this.#suspicions.delete(region);
        continue;
      }
      const sinceMonoMs = this.#suspicions.get(region) ?? now.monoMs;
      this.#suspicions.set(region, sinceMonoMs);
      if (now.monoMs - sinceMonoMs < this.#env.config.settleMs) continue;
      this.#suspicions.delete(region);
      const outage = this.#outage({ from, to: region, accusers }, now);
      this.#outages.set(region, outage);
      changes.push({ outage, step: "lost" });
    }
    return changes;
  }

  /** Whether a region may be about to go, so that it should be looked at soon. */
  get isSuspecting(): boolean {
    return this.#suspicions.size > 0;
  }

  #outage(sides: Pick<RegionOutage, "from" | "to" | "accusers">, now: Now): RegionOutage {
    let [signMonoMs, intervalMs] = [Number.NEGATIVE_INFINITY, 0];
    const known = new Map<NodeId, PulseName>();
    for (const { node } of this.membersOf(sides.to)) {
      const subject = this.#subjects.get(node);
      if (subject === undefined || subject.latch !== undefined) continue;
      known.set(node, subject.newestName);
      intervalMs = Math.max(intervalMs, subject.intervalMs);
      const lastMonoMs = lastSignMonoMs(subject) ?? Number.NEGATIVE_INFINITY;
      signMonoMs = Math.max(signMonoMs, Math.min(lastMonoMs, now.monoMs));
    }
    const since = { sinceMonoMs: now.monoMs, sinceWallMs: now.wallMs };
    return { ...sides, ...since, signMonoMs, intervalMs, known };
  }

  /** Who of one region accuses most of another one of which nothing is heard; undefined where that is too few. */
  #accusersOf(region: string, from: string, now: Now): readonly NodeId[] | undefined {
    const accusers = new Set<NodeId>();
    let [silent, accused, sinceMonoMs] = [0, 0, Number.POSITIVE_INFINITY];
    for (const node of this.#living(region)) {
      if (this.#isHeard(node, now)) return undefined;
      const subject = this.#subjects.get(node);
      // Who said that it would be away, or may be, is missed by nobody.
      if (subject?.isPaused(now.monoMs) === true || subject?.isAllowedAway(now.monoMs) === true)
        continue;
      silent += 1;
      const own = subject === undefined ? [] : this.#accusersIn(from, subject);
      for (const accuser of own) accusers.add(accuser);
      if (own.length === 0 || subject === undefined) continue;
      accused += 1;
      sinceMonoMs = Math.min(sinceMonoMs, firstNamedMonoMs(subject) ?? now.monoMs);
    }
    if (this.#hasSpokenSince(region, sinceMonoMs, now)) return undefined;
    const needed = Math.min(REGION_ACCUSERS, this.#living(from).length);
    const isEnough = accused > 0 && accused * 2 >= silent && accusers.size >= needed;
    return isEnough && needed > 0 ? [...accusers].toSorted() : undefined;
  }

  /** Who of a region accuses a subject by the newest pulse that is known: whoever was shown a newer one does not any more. */
  #accusersIn(region: string, subject: Subject): readonly NodeId[] {
    const accusers: NodeId[] = [];
    for (const [accuser, { name }] of subject.accusations)
      if (this.regionOf(accuser) === region && comparePulseNames(name, subject.newestName) === 0)
        accusers.push(accuser);
    return accusers;
  }

  /** Whether anybody in a region is still missed from the other one. */
  #isAccused({ from, to }: RegionOutage): boolean {
    return this.membersOf(to).some(({ node }) => {
      const subject = this.#subjects.get(node);
      return subject !== undefined && this.#accusersIn(from, subject).length > 0;
    });
  }

  /** Other regions with two members or more of which somebody is accused. */
  #accusedRegions(): ReadonlySet<string> {
    const accused = new Set<string>();
    for (const { node, latch, accusations } of this.#subjects.values()) {
      if (latch !== undefined || accusations.size === 0) continue;
      const region = this.regionOf(node);
      if (region === undefined || region === this.own || this.#outages.has(region)) continue;
      // One that comes and goes is not said to be lost each time.
      if (this.#returning.has(region)) continue;
      if (this.membersOf(region).length > 1) accused.add(region);
    }
    return accused;
  }

  /** Members of a region that are not held for dead. */
  #living(region: string): readonly NodeId[] {
    return this.membersOf(region).flatMap(({ node }) =>
      this.#subjects.get(node)?.latch === undefined ? [node] : [],
    );
  }

  #isHeard(node: NodeId, now: Now): boolean {
    const subject = this.#subjects.get(node);
    if (subject === undefined) return false;
    if (subject.isInSight(now.monoMs)) return true;
    return now.monoMs - saidMonoMs(subject) <= IN_SIGHT_INTERVALS * subject.intervalMs;
  }

  /**
   * Whether a member of a region has said something new since then, and as lately as what stands is restated. In a large fleet that is hardly ever of somebody whom this node
   * can date: it proves nobody's life (P3), but the region is not silent.
   */
  #hasSpokenSince(region: string, sinceMonoMs: number, now: Now): boolean {
    const recentMs = (RESTATE_INTERVALS + IN_SIGHT_INTERVALS) * this.#env.config.pulseEveryMs;
    const fromMonoMs = Math.max(sinceMonoMs, now.monoMs - recentMs);
    return this.#living(region).some(
      (node) => (this.#subjects.get(node)?.track?.spokeMonoMs ?? -Infinity) >= fromMonoMs,
    );
  }

  /** Whether somebody has shown a pulse of a member that was not known when the region was lost, and was made after that by its clock. */
  #isShown(node: NodeId, { known, sinceWallMs }: RegionOutage): boolean {
    const header = this.#subjects.get(node)?.known?.header;
    if (header === undefined || header.wallMs < sinceWallMs) return false;
    return comparePulseNames(header, known.get(node) ?? NO_PULSE) > 0;
  }

  /** The last sign of life of a member: a dated pulse, or something dated that it said of others. */
  #signMonoMs(node: NodeId): number {
    const subject = this.#subjects.get(node);
    if (subject === undefined) return Number.NEGATIVE_INFINITY;
    const date = subject.datedSinceBase ? subject.dating.newestDate?.dateMonoMs : undefined;
    return Math.max(date ?? Number.NEGATIVE_INFINITY, saidMonoMs(subject));
  }

  #sync(): void {
    if (this.#version === this.#membership.version) return;
    this.#version = this.#membership.version;
    const members = new Map<string, Member[]>();
    for (const member of this.#membership.members()) {
      const there = members.get(member.region);
      if (there === undefined) members.set(member.region, [member]);
      else there.push(member);
    }
    this.#members = members;
    for (const region of this.#backMonoMs.keys())
      if (!members.has(region)) this.#backMonoMs.delete(region);
  }
}

/** What a node says is a sign of life where it can be dated: everything else may be a recording. */
function saidMonoMs({ track }: Subject): number {
  return track?.saidMonoMs ?? Number.NEGATIVE_INFINITY;
}

/** When a subject was first accused by what stands; undefined where nobody accuses it. */
function firstNamedMonoMs({ accusations }: Subject): number | undefined {
  if (accusations.size === 0) return undefined;
  return Math.min(...Array.from(accusations.values(), ({ namedMonoMs }) => namedMonoMs));
}

/** When a subject fell silent: by its newest dated pulse, else so long before it was first accused as that takes; undefined where neither says. */
function lastSignMonoMs(subject: Subject): number | undefined {
  const date = subject.dating.newestDate?.dateMonoMs;
  if (date !== undefined) return date;
  const namedMonoMs = firstNamedMonoMs(subject);
  return namedMonoMs && namedMonoMs - SILENCE_INTERVALS * subject.intervalMs;
}
