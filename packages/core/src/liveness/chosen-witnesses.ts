/**
 * Who has a say in a fleet of more than 32 members: each subject's eight witnesses (rules PU8, VE2).
 *
 * Witnesses do not hear each other, so what a majority is rests on three things that together take hardly a byte. A witness knows by its own
 * subjects, and by what those say of theirs, which part of each region it can see. A reader knows
 * by the accusations of all how many are held for dead: a side that is cut off hears its witnesses accuse everybody who is not on it. And a
 * verdict takes the voices of a majority of the subject's own witnesses, of which most accuse.
 *
 * Rejected: a count of the fleet by gossip (it takes longer than a death to be noticed), and the sample of the own subjects alone (nine
 * members; of a side of 40% four in ten would think that they are the majority).
 */
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId } from "../ids.ts";
import type { ToldSight } from "../pulse/pulse-codec.ts";
import type { Membership } from "../roster/membership.ts";
import type { ElectorateRule } from "./electorate-rule.ts";
import { isBetween } from "./everybody.ts";
import {
  EXPIRE_INTERVALS,
  HAND_OVER_MS,
  HAND_OVER_SEND_MS,
  majorityOf,
  quorumAmong,
  REGION_SAMPLE,
  SAMPLE,
  SAMPLE_PRIOR,
  START_UP_INTERVALS,
  UNHEARD_INTERVALS,
} from "./rules.ts";
import type { Regions } from "./regions.ts";
import type { Subject } from "./subject.ts";
import { NodeHashes, WitnessRanking } from "./witness-ranking.ts";

/** Witnesses of before that are sent pulses during a hand-over; a fleet that grows fast has many for a moment. */
export const FORMER_WITNESSES_MAX: number = 16;
/** An earlier roster's rankings are kept this far apart, so that a fleet that grows fast leaves few of them. */
const FORMER_EVERY_MS = HAND_OVER_MS / 4;

interface Former {
  readonly ranking: WitnessRanking;
  readonly sinceMonoMs: number;
}

export class ChosenWitnesses implements ElectorateRule {
  readonly #env: Env;
  readonly #membership: Membership;
  readonly #subjects: ReadonlyMap<NodeId, Subject>;
  readonly #hashes: NodeHashes;
  readonly #regions: Regions;
  #ranking: WitnessRanking | undefined;
  #former: Former[] = [];
  #duties: ReadonlySet<NodeId> = new Set();
  /** Since when this node is a subject's witness. */
  readonly #sinceMonoMs = new Map<NodeId, number>();
  /** Until when this node judges subjects that are others' by now. */
  readonly #until = new Map<NodeId, number>();
  /** Until when it sends its pulses to whom; to its witnesses for as long as they are. */
  readonly #sendUntil = new Map<NodeId, number>();
  #handedOverMonoMs = Number.POSITIVE_INFINITY;

  constructor(
    env: Env,
    deps: {
      readonly membership: Membership;
      readonly subjects: ReadonlyMap<NodeId, Subject>;
      readonly regions: Regions;
    },
  ) {
    this.#env = env;
    this.#membership = deps.membership;
    this.#subjects = deps.subjects;
    this.#regions = deps.regions;
    this.#hashes = new NodeHashes(env.ports.hash);
  }

  /** The subjects that this node judges, those among them that it is handing over. */
  get duties(): ReadonlySet<NodeId> {
    return this.#duties;
  }

  /** The roster has changed: others may be whose witnesses. */
  rosterChanged(nowMonoMs: number): void {
    this.#hashes.keepOnly((node) => this.#membership.member(node) !== undefined);
    const last = this.#former.at(-1);
    if (
      this.#ranking !== undefined &&
      (last === undefined || nowMonoMs - last.sinceMonoMs >= FORMER_EVERY_MS)
    )
      this.#former.push({ ranking: this.#ranking, sinceMonoMs: nowMonoMs });
    this.#ranking = new WitnessRanking(this.#membership.members(), this.#hashes);
    this.#handOver(nowMonoMs);
  }

  /** Time has passed: hand-overs may be over. Whether one is. */
  passTime(nowMonoMs: number): boolean {
    if (nowMonoMs < this.#handedOverMonoMs) return false;
    this.#handOver(nowMonoMs);
    return true;
  }

  /** The fleet is small again. */
  forget(): void {
    this.#ranking = undefined;
    this.#former = [];
    this.#duties = new Set();
    this.#until.clear();
    this.#sinceMonoMs.clear();
    this.#sendUntil.clear();
  }

  /** To whom this node sends its pulses, sorted: its witnesses and, during a hand-over, those that were. */
  recipients(): readonly NodeId[] {
    return [...this.#sendUntil.keys()].toSorted();
  }

  /** The same, those before all others that are its witnesses now: a transport may not keep a link to everybody. */
  links(): readonly NodeId[] {
    const all = this.recipients();
    const isWitness = (node: NodeId): boolean => this.#sendUntil.get(node) === Infinity;
    return [...all.filter(isWitness), ...all.filter((node) => !isWitness(node))];
  }

  /** Whether {@link recipients} has this node. */
  isRecipient(node: NodeId): boolean {
    return this.#sendUntil.has(node);
  }

  isWitness(node: NodeId, subject: NodeId): boolean {
    if (this.#membership.member(node) === undefined) return false;
    if (!this.#regions.countsOver(node, subject)) return false;
    return (
      this.#ranking?.isWitness(node, subject) === true ||
      this.#former.some(({ ranking }) => ranking.isWitness(node, subject))
    );
  }

  witnessesOf(subject: NodeId): readonly NodeId[] {
    return this.#ranking?.of(subject) ?? [];
  }

  /** Those who are not held for dead, and whose say over the subject does not rest, as their region is out of reach or has only just come back. */
  electorateOf(subject: NodeId): readonly NodeId[] {
    return this.witnessesOf(subject).filter(
      (witness) =>
        this.#subjects.get(witness)?.latch === undefined &&
        this.#regions.speaksOver(witness, subject),
    );
  }

  quorumOver(subject: NodeId, accusers: readonly NodeId[] = []): number {
    return quorumAmong(new Set([...this.electorateOf(subject), ...accusers]).size + 1);
  }

  /** A majority of those who have a say has spoken, and most of those accuse. */
  mayDecide(subject: Subject, accusers: number): boolean {
    const voices = new Set<NodeId>();
    for (const witness of [...subject.accusations.keys(), ...subject.ups.keys()])
      if (this.isWitness(witness, subject.node) && this.#regions.speaksOver(witness, subject.node))
        voices.add(witness);
    const { size } = voices;
    const electorate = this.electorateOf(subject.node).length + 1;
    return size >= majorityOf(electorate) && accusers * 2 > size;
  }

  /** Whether enough of a member's witnesses are alive, and in reach, for its death to be noticed. */
  isWatched(subject: NodeId): boolean {
    const alive = this.electorateOf(subject).filter((node) => this.#regions.counts(node)).length;
    return alive >= quorumAmong(alive + 1);
  }

  inSight(): number {
    return this.#membership.members().length - this.#accused(() => true);
  }

  /** Nobody of a region that has just come back was heard for long: until they can be, a majority without them is one still. */
  hasMajority(nowMonoMs: number): boolean {
    if (this.hasWholeMajority(nowMonoMs)) return true;
    const back = this.#regions.justBack(nowMonoMs);
    const counts = (node: NodeId): boolean =>
      this.#regions.counts(node) && !this.#regions.isJustBack(node, nowMonoMs);
    return back > 0 && this.#isMajority(counts, this.#roster - back, nowMonoMs);
  }

  hasWholeMajority(nowMonoMs: number): boolean {
    return this.#isMajority((node) => this.#regions.counts(node), this.#roster, nowMonoMs);
  }

  hasMajorityOver(_subject: Subject, nowMonoMs: number): boolean {
    return this.hasMajority(nowMonoMs);
  }

  placeAfter(speaker: NodeId, subject: NodeId): number {
    const { self } = this.#env.identity;
    return this.witnessesOf(subject).filter((other) => isBetween(speaker, other, self)).length;
  }

  freshWitnesses(subject: Subject, nowMonoMs: number): number {
    return nowMonoMs - subject.shownMonoMs <= EXPIRE_INTERVALS * this.#env.config.pulseEveryMs
      ? 1
      : 0;
  }

  isLossy(subject: Subject): boolean {
    let missing = subject.loss.isLossy() && this.#duties.has(subject.node) ? 1 : 0;
    for (const witness of subject.losses.keys())
      if (witness !== this.#env.identity.self && this.isWitness(witness, subject.node))
        missing += 1;
    return missing * 2 > this.witnessesOf(subject.node).length;
  }

  /** What this node sees first hand of its own region, those aside that are held for dead, as it tells it to its own witnesses. */
  ownSight(nowMonoMs: number, withinIntervals: number): ToldSight {
    let [of, inSight] = [0, 0];
    for (const node of this.#duties) {
      const subject = this.#subjects.get(node);
      if (this.#regions.regionOf(node) !== this.#regions.own) continue;
      if (this.#isDead(subject, nowMonoMs)) continue;
      of += 1;
      if (subject?.isInSight(nowMonoMs, withinIntervals) === true) inSight += 1;
    }
    return { of, inSight };
  }

  /**
   * Of each region that counts: so many of its members that this node, or one of its subjects there, watches, and so many of those in sight.
   * By region, because subjects are drawn by quotas, so that the members of a small region make up more of a sample than of the fleet. Whoever is held for
   * dead is known to be out of sight: of a sample of six three may be, by chance, in a fleet of which a tenth is.
   */
  #samples(counts: (node: NodeId) => boolean, nowMonoMs: number): ReadonlyMap<string, ToldSight> {
    const samples = new Map<string, ToldSight>();
    for (const node of this.#duties) {
      const region = this.#regions.regionOf(node);
      const subject = this.#subjects.get(node);
      if (region === undefined || !counts(node) || this.#isDead(subject, nowMonoMs)) continue;
      const { of, inSight } = samples.get(region) ?? { of: 0, inSight: 0 };
      const isHere = subject?.isInSight(nowMonoMs) === true;
      const sight = isHere ? subject.wordAt(nowMonoMs)?.sight : undefined;
      samples.set(region, {
        of: of + 1 + (sight?.of ?? 0),
        inSight: inSight + (isHere ? 1 : 0) + (sight?.inSight ?? 0),
      });
    }
    return samples;
  }

  /** Members in regions that are in reach. */
  get #roster(): number {
    return this.#membership.members().length - this.#regions.lost;
  }

  /** Whether most of those who count, `roster` of them, are in sight by the samples, as far as these say something, and accused by nobody. */
  #isMajority(counts: (node: NodeId) => boolean, roster: number, nowMonoMs: number): boolean {
    const samples = this.#samples(counts, nowMonoMs);
    if (this.#isMinority(samples, roster, nowMonoMs) || this.#isAlone(nowMonoMs)) return false;
    // A few deaths among the subjects of a node that has few say nothing about the fleet.
    return (roster - this.#accused(counts)) * 2 > roster;
  }

  /**
   * Whether most of `roster` is out of sight by the samples, each standing for its region. Few samples say nothing, and of regions that have none nothing is
   * known: of three regions two may be cut from each other, and both hear the third. Of another one less than `REGION_SAMPLE` say little, as the only one there
   * whom this node judges may have died; and a node judges three of its own region, which may all have died while it hears all others. Such a sample is taken
   * together with `SAMPLE_PRIOR` more of the kind of all samples (a mean that is shrunk towards that of all; Efron and Morris 1975).
   *
   * Rejected: to leave small samples out. In a fleet of many regions all are small but the own, and who hears nobody took all of them for being in sight.
   */
  #isMinority(samples: ReadonlyMap<string, ToldSight>, roster: number, nowMonoMs: number): boolean {
    let [of, seen] = [0, 0];
    for (const sample of samples.values()) {
      of += sample.of;
      seen += sample.inSight;
    }
    const dead = this.#deadByRegion(nowMonoMs);
    // This node is in its own sight.
    let [members, inSight] = [1, 1];
    for (const [region, sample] of samples) {
      const isOwn = region === this.#regions.own;
      const size = this.#regions.membersOf(region).length - (isOwn ? 1 : 0);
      const share = sample.inSight / sample.of;
      // Others of whom little is seen say nothing bad of the own region.
      const isUnsure = isOwn ? share * of < seen : sample.of < REGION_SAMPLE;
      const prior = isUnsure ? SAMPLE_PRIOR : 0;
      members += size;
      inSight +=
        ((size - (dead.get(region) ?? 0)) * (sample.inSight + (prior * seen) / of)) /
        (sample.of + prior);
    }
    const unsampled = Math.max(0, roster - members);
    return of + 1 >= SAMPLE && (inSight + unsampled) * 2 <= members + unsampled;
  }

  /**
   * Whether this node hears nobody at all: none of those it judges, which may be few or none and dead, nor a word or pulse of anybody else lately. Pulses for
   * everybody come once in two to three seconds, now and then half a minute apart: who has none but these waits as long as it takes to be sure (rule PU8).
   */
  #isAlone(nowMonoMs: number): boolean {
    let isAnyDue = false;
    for (const node of this.#duties) {
      const subject = this.#subjects.get(node);
      if (subject?.isInSight(nowMonoMs) === true) return false;
      const isExcused =
        subject?.isPaused(nowMonoMs) === true || subject?.isAllowedAway(nowMonoMs) === true;
      isAnyDue ||= !isExcused && !this.#isDead(subject, nowMonoMs);
    }
    const intervals = isAnyDue ? EXPIRE_INTERVALS : UNHEARD_INTERVALS;
    const sinceMonoMs = nowMonoMs - intervals * this.#env.config.pulseEveryMs;
    for (const { node, dating, track } of this.#subjects.values()) {
      const saidMonoMs = track?.spokeMonoMs ?? Number.NEGATIVE_INFINITY;
      if (Math.max(dating.newestArrivalMonoMs, saidMonoMs) >= sinceMonoMs && this.#isMember(node))
        return false;
    }
    return true;
  }

  /**
   * A verdict stands, or would if this node had a majority: who has none makes no verdict, so the deaths that took it would keep it away for good. A quorum
   * that accuses has one itself.
   */
  #isDead(subject: Subject | undefined, nowMonoMs: number): boolean {
    if (subject?.latch !== undefined) return true;
    if (subject?.isAccused !== true || subject.isInSight(nowMonoMs)) return false;
    const { node, newestName } = subject;
    const accusers = [...subject.accusations].flatMap(([witness, { name }]) =>
      this.isWitness(witness, node) && comparePulseNames(name, newestName) === 0 ? [witness] : [],
    );
    return accusers.length >= this.quorumOver(node, accusers);
  }

  #deadByRegion(nowMonoMs: number): ReadonlyMap<string, number> {
    const dead = new Map<string, number>();
    for (const subject of this.#subjects.values()) {
      const region = this.#isDead(subject, nowMonoMs)
        ? this.#regions.regionOf(subject.node)
        : undefined;
      if (region !== undefined) dead.set(region, (dead.get(region) ?? 0) + 1);
    }
    return dead;
  }

  /** Members that somebody who has a say holds for dead. */
  #accused(counts: (node: NodeId) => boolean): number {
    let accused = 0;
    for (const subject of this.#subjects.values())
      if ((subject.latch !== undefined || subject.isMissed) && counts(subject.node)) accused += 1;
    return accused;
  }

  /**
   * Works out whom this node judges and to whom it sends. Rosters are not learned at one moment, so each side goes by what it did: a
   * subject sends to whom it has sent, and who was sent pulses until now goes on judging, but no longer than it is sent some.
   */
  #handOver(nowMonoMs: number): void {
    const { self } = this.#env.identity;
    this.#former = this.#former.filter(({ sinceMonoMs }) => nowMonoMs - sinceMonoMs < HAND_OVER_MS);
    const current = new Set(this.#ranking?.dutiesOf(self));
    // Who was heard before it had a witness in this node, by gossip, may never send to it (rule PU8).
    const sentLongMs = START_UP_INTERVALS * this.#env.config.pulseEveryMs;
    for (const node of this.#duties) {
      const wasSent = nowMonoMs - (this.#sinceMonoMs.get(node) ?? nowMonoMs) >= sentLongMs;
      const wasHeard = wasSent && this.#subjects.get(node)?.isFresh(nowMonoMs) === true;
      if (!current.has(node) && wasHeard && !this.#until.has(node))
        this.#until.set(node, nowMonoMs + HAND_OVER_MS);
    }
    for (const [node, untilMonoMs] of this.#until)
      if (current.has(node) || untilMonoMs <= nowMonoMs || !this.#isMember(node))
        this.#until.delete(node);
    this.#duties = new Set([...current, ...this.#until.keys()]);
    for (const node of this.#sinceMonoMs.keys())
      if (!this.#duties.has(node)) this.#sinceMonoMs.delete(node);
    for (const node of this.#duties)
      if (!this.#sinceMonoMs.has(node)) this.#sinceMonoMs.set(node, nowMonoMs);
    for (const [node, untilMonoMs] of this.#sendUntil) {
      if (untilMonoMs === Infinity) this.#sendUntil.set(node, nowMonoMs + HAND_OVER_SEND_MS);
      if (untilMonoMs <= nowMonoMs || !this.#isMember(node)) this.#sendUntil.delete(node);
    }
    for (const node of this.witnessesOf(self)) this.#sendUntil.set(node, Infinity);
    const former = [...this.#sendUntil].filter(([, untilMonoMs]) => untilMonoMs < Infinity);
    const oldest = former.toSorted((a, b) => a[1] - b[1]).slice(0, -FORMER_WITNESSES_MAX);
    for (const [node] of former.length > FORMER_WITNESSES_MAX ? oldest : [])
      this.#sendUntil.delete(node);
    this.#handedOverMonoMs = Math.min(
      ...this.#until.values(),
      ...this.#sendUntil.values(),
      ...this.#former.map(({ sinceMonoMs }) => sinceMonoMs + HAND_OVER_MS),
    );
  }

  #isMember(node: NodeId): boolean {
    return this.#membership.member(node) !== undefined;
  }
}
