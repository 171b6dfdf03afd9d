/** Who has a say in a fleet of up to 32 members: everybody about everybody, so the electorate of every subject is the roster (rules VE1, VE2). */
import type { CoreConfig } from "../config.ts";
import { compareText, type NodeId } from "../ids.ts";
import type { Membership } from "../roster/membership.ts";
import type { ElectorateRule } from "./electorate-rule.ts";
import type { Regions } from "./regions.ts";
import {
  IN_SIGHT_INTERVALS,
  majorityOf,
  quorumAmong,
  quorumOf,
  sightNeeded,
  SILENCE_INTERVALS,
} from "./rules.ts";
import type { Subject } from "./subject.ts";

export class Everybody implements ElectorateRule {
  readonly #membership: Membership;
  readonly #config: CoreConfig;
  readonly #self: NodeId;
  readonly #subjects: ReadonlyMap<NodeId, Subject>;
  readonly #regions: Regions;
  #complaints = { atMonoMs: Number.NaN, any: false };

  constructor(
    deps: {
      readonly membership: Membership;
      readonly subjects: ReadonlyMap<NodeId, Subject>;
      readonly regions: Regions;
    },
    options: { readonly config: CoreConfig; readonly self: NodeId },
  ) {
    this.#membership = deps.membership;
    this.#subjects = deps.subjects;
    this.#regions = deps.regions;
    this.#config = options.config;
    this.#self = options.self;
  }

  isWitness(node: NodeId, subject: NodeId): boolean {
    return (
      node !== subject &&
      this.#membership.member(node) !== undefined &&
      this.#regions.countsOver(node, subject)
    );
  }

  witnessesOf(subject: NodeId): readonly NodeId[] {
    return this.#membership.members().flatMap(({ node }) => (node === subject ? [] : [node]));
  }

  electorateOf(subject: NodeId): readonly NodeId[] {
    return this.witnessesOf(subject).filter((node) => this.#regions.countsOver(node, subject));
  }

  /** Whoever has a say is of {@link electorateOf}, so accusers add nobody. */
  quorumOver(subject: NodeId): number {
    const isWhole = this.#regions.outages.size === 0;
    const electorate = isWhole ? this.#roster : this.electorateOf(subject).length + 1;
    return electorate < this.#roster
      ? quorumAmong(electorate)
      : quorumOf(electorate, this.#config.pair);
  }

  mayDecide(): boolean {
    return true;
  }

  inSight(nowMonoMs: number): number {
    return this.#inSight(nowMonoMs, Number.POSITIVE_INFINITY);
  }

  hasMajority(nowMonoMs: number): boolean {
    const needed = this.#sightNeeded((node) => this.#regions.counts(node));
    return this.#inSight(nowMonoMs, needed) >= needed;
  }

  hasWholeMajority(nowMonoMs: number): boolean {
    return this.hasMajority(nowMonoMs);
  }

  /**
   * Whether a strict majority was heard since the subject fell silent: what an accusation rests on. Where all promise one interval it
   * follows from {@link hasMajority}; a node with a longer one stays in sight long after a cut, and proves nothing until it pulses again.
   */
  hasMajorityOver(subject: Subject, nowMonoMs: number): boolean {
    const sinceMonoMs =
      subject.silentSinceMonoMs + (SILENCE_INTERVALS - IN_SIGHT_INTERVALS) * subject.intervalMs;
    const counts = (node: NodeId): boolean => this.#regions.countsOver(node, subject.node);
    let count = 0;
    for (const { node } of this.#membership.members()) {
      const member = counts(node) ? this.#subjects.get(node) : undefined;
      const dateMonoMs = member?.dating.newestDate?.dateMonoMs ?? Number.NEGATIVE_INFINITY;
      if (
        node === this.#self ||
        (member?.isInSight(nowMonoMs) === true && dateMonoMs >= sinceMonoMs)
      )
        count += 1;
    }
    return count >= this.#sightNeeded(counts);
  }

  placeAfter(speaker: NodeId, _subject: NodeId, nowMonoMs: number): number {
    let place = 0;
    for (const { node: other } of this.#membership.members()) {
      if (isBetween(speaker, other, this.#self) && this.#subjects.get(other)?.isInSight(nowMonoMs))
        place += 1;
    }
    return place;
  }

  freshWitnesses(subject: Subject, nowMonoMs: number): number {
    let count = 0;
    for (const { node } of this.#membership.members()) {
      const witness =
        node === this.#self || node === subject.node ? undefined : this.#subjects.get(node);
      const word = witness?.wordAt(nowMonoMs);
      const heard = word?.heard.find(({ shortId }) => shortId === subject.shortId);
      if (heard?.fresh === true && heard.boot >= (subject.latch?.name.boot ?? 0)) count += 1;
    }
    return count;
  }

  isLossy(subject: Subject, nowMonoMs: number, mayAccuse: boolean): boolean {
    const isLossyHere = subject.loss.isLossy();
    if (!isLossyHere && !this.#hasComplaints(nowMonoMs)) return false;
    let missing = isLossyHere ? 1 : 0;
    let witnesses = mayAccuse ? 1 : 0;
    for (const { node } of this.#membership.members()) {
      const witness =
        node === this.#self || node === subject.node ? undefined : this.#subjects.get(node);
      const word = witness?.wordAt(nowMonoMs);
      if (word === undefined) continue;
      witnesses += 1;
      if (word.missing.includes(subject.shortId)) missing += 1;
    }
    return missing * 2 > witnesses;
  }

  get #roster(): number {
    return this.#membership.members().length;
  }

  /** How many must be in sight, this node included, of those who have a say. */
  #sightNeeded(counts: (node: NodeId) => boolean): number {
    if (this.#regions.outages.size === 0) return sightNeeded(this.#roster, this.#config.pair);
    let electorate = 0;
    for (const { node } of this.#membership.members()) if (counts(node)) electorate += 1;
    return electorate < this.#roster
      ? majorityOf(electorate)
      : sightNeeded(electorate, this.#config.pair);
  }

  /** Counts no further than `enough`: whether there is a majority is asked after every input. */
  #inSight(nowMonoMs: number, enough: number): number {
    let count = 0;
    for (const { node } of this.#membership.members()) {
      if (node !== this.#self && this.#subjects.get(node)?.isInSight(nowMonoMs) !== true) continue;
      count += 1;
      if (count >= enough) break;
    }
    return count;
  }

  /** Whether anybody misses anybody's pulses; asked about every subject at the same moment, and answered once. */
  #hasComplaints(nowMonoMs: number): boolean {
    if (nowMonoMs !== this.#complaints.atMonoMs) {
      let any = false;
      for (const subject of this.#subjects.values()) {
        if ((subject.wordAt(nowMonoMs)?.missing.length ?? 0) > 0) any = true;
      }
      this.#complaints = { atMonoMs: nowMonoMs, any };
    }
    return this.#complaints.any;
  }
}

/** Whether `id` is met strictly between two others on the way up through all ids, which goes on at the lowest after the highest. */
export function isBetween(from: NodeId, id: NodeId, to: NodeId): boolean {
  const isAbove = compareText(id, from) > 0;
  const isBelow = compareText(id, to) < 0;
  return compareText(from, to) < 0 ? isAbove && isBelow : isAbove || isBelow;
}
