/**
 * Who has a say about whom, and whether enough of them are in sight (rules VE1, VE2, VE5). In fleets up to 32 nodes everybody is
 * everybody's witness, so the electorate of every subject is the roster.
 */
import type { CoreConfig } from "../config.ts";
import { compareText, type NodeId, type PulseName } from "../ids.ts";
import type { Membership } from "../roster/membership.ts";
import {
  ENOUGH_QUORUMS,
  IN_SIGHT_INTERVALS,
  quorumOf,
  sightNeeded,
  SILENCE_INTERVALS,
} from "./rules.ts";
import type { Subject } from "./subject.ts";

export class Electorate {
  readonly #membership: Membership;
  readonly #config: CoreConfig;
  readonly #self: NodeId;
  readonly #subjects: ReadonlyMap<NodeId, Subject>;
  #complaints = { atMonoMs: Number.NaN, any: false };

  constructor(
    deps: { readonly membership: Membership; readonly subjects: ReadonlyMap<NodeId, Subject> },
    options: { readonly config: CoreConfig; readonly self: NodeId },
  ) {
    this.#membership = deps.membership;
    this.#subjects = deps.subjects;
    this.#config = options.config;
    this.#self = options.self;
  }

  /** Members that count, this node included if it is one. */
  get roster(): number {
    return this.#membership.members().length;
  }

  /** Accusers that a verdict needs (rule VE2). */
  get quorum(): number {
    return quorumOf(this.roster, this.#config.pair);
  }

  /** Whether one accuser is all there can be (rule VE5). */
  get isPair(): boolean {
    return this.roster === 2;
  }

  /** Whether a node has a say about a subject. */
  isWitness(node: NodeId, subject: NodeId): boolean {
    return node !== subject && this.#membership.member(node) !== undefined;
  }

  /** Whether this node itself may accuse at all: observers never do. */
  get mayAccuse(): boolean {
    return !this.#config.observer && this.#membership.member(this.#self) !== undefined;
  }

  /** This node, if it counts, and all members whose newest dated pulse is at most 2.2 intervals old. */
  inSight(nowMonoMs: number): number {
    return this.#inSight(nowMonoMs, Number.POSITIVE_INFINITY);
  }

  /** Whether a strict majority of the electorate is in sight (or this is a pair that may accuse). */
  hasMajority(nowMonoMs: number): boolean {
    const needed = sightNeeded(this.roster, this.#config.pair);
    return this.#inSight(nowMonoMs, needed) >= needed;
  }

  /**
   * Whether a strict majority was heard since the subject fell silent: what an accusation rests on. Where all promise one interval it
   * follows from {@link hasMajority}; a node with a longer one stays in sight long after a cut, and proves nothing until it pulses again.
   */
  hasMajorityOver(subject: Subject, nowMonoMs: number): boolean {
    const sinceMonoMs =
      subject.silentSinceMonoMs + (SILENCE_INTERVALS - IN_SIGHT_INTERVALS) * subject.intervalMs;
    let count = 0;
    for (const { node } of this.#membership.members()) {
      const member = this.#subjects.get(node);
      const dateMonoMs = member?.dating.newestDate?.dateMonoMs ?? Number.NEGATIVE_INFINITY;
      if (
        node === this.#self ||
        (member?.isInSight(nowMonoMs) === true && dateMonoMs >= sinceMonoMs)
      )
        count += 1;
    }
    return count >= sightNeeded(this.roster, this.#config.pair);
  }

  /** How many members in sight come between `node` and this one, in the order of their ids and round again. */
  placeAfter(node: NodeId, nowMonoMs: number): number {
    let place = 0;
    for (const { node: other } of this.#membership.members()) {
      if (isBetween(node, other, this.#self) && this.#subjects.get(other)?.isInSight(nowMonoMs))
        place += 1;
    }
    return place;
  }

  /** Whether this node is among those who speak first of what everybody noticed of `node` at one moment (ADR 0012). */
  speaksFirst(node: NodeId, nowMonoMs: number): boolean {
    return this.placeAfter(node, nowMonoMs) < ENOUGH_QUORUMS * this.quorum;
  }

  /** Whether so many other witnesses hold an opinion that passes `is` that this node's adds nothing (ADR 0012). */
  isSaidByEnough(
    { node }: Subject,
    opinions: ReadonlyMap<NodeId, { readonly name: PulseName }>,
    is: (name: PulseName) => boolean,
  ): boolean {
    let voices = 0;
    for (const [witness, { name }] of opinions)
      if (witness !== this.#self && this.isWitness(witness, node) && is(name)) voices += 1;
    return voices >= ENOUGH_QUORUMS * this.quorum;
  }

  /** Witnesses in sight, this node aside, whose newest pulse says that they hear the subject inside its deadline. */
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

  /** Whether a majority of the subject's witnesses in sight miss too many of its pulses (rule PU7). */
  isLossy(subject: Subject, nowMonoMs: number): boolean {
    const isLossyHere = subject.loss.isLossy();
    if (!isLossyHere && !this.#hasComplaints(nowMonoMs)) return false;
    let missing = isLossyHere ? 1 : 0;
    let witnesses = this.mayAccuse ? 1 : 0;
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
function isBetween(from: NodeId, id: NodeId, to: NodeId): boolean {
  const isAbove = compareText(id, from) > 0;
  const isBelow = compareText(id, to) < 0;
  return compareText(from, to) < 0 ? isAbove && isBelow : isAbove || isBelow;
}
