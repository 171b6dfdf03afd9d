/**
 * Who has a say about whom, and whether enough of them are in sight (rules VE1, VE2, VE5, PU8). Up to 32 members that is everybody about
 * everybody; in a larger fleet each subject has eight witnesses.
 */
import type { Env } from "../env.ts";
import type { NodeId, PulseName } from "../ids.ts";
import type { ToldSight } from "../pulse/pulse-codec.ts";
import type { Membership } from "../roster/membership.ts";
import { ChosenWitnesses } from "./chosen-witnesses.ts";
import type { ElectorateRule } from "./electorate-rule.ts";
import { Everybody } from "./everybody.ts";
import type { Statement } from "./observation-codec.ts";
import { Regions } from "./regions.ts";
import { ENOUGH_QUORUMS, GOSSIP_ROSTER, HAND_OVER_SEND_MS, TOLD_SIGHT_INTERVALS } from "./rules.ts";
import type { Subject } from "./subject.ts";

export class Electorate {
  readonly #membership: Membership;
  readonly #env: Env;
  readonly #self: NodeId;
  readonly #everybody: Everybody;
  readonly #chosen: ChosenWitnesses;
  /** Which regions are out of reach (rule VE4). */
  readonly regions: Regions;
  #isLarge = false;
  #largeSinceMonoMs = Number.NEGATIVE_INFINITY;

  constructor(
    env: Env,
    deps: { readonly membership: Membership; readonly subjects: ReadonlyMap<NodeId, Subject> },
  ) {
    this.#membership = deps.membership;
    this.#env = env;
    this.#self = env.identity.self;
    this.regions = new Regions(env, deps);
    const { regions } = this;
    this.#everybody = new Everybody({ ...deps, regions }, { config: env.config, self: this.#self });
    this.#chosen = new ChosenWitnesses(env, { ...deps, regions });
  }

  /** Members that count, this node included if it is one. */
  get roster(): number {
    return this.#membership.members().length;
  }

  /** Whether each node has witnesses of its own (rule PU8). */
  get isLarge(): boolean {
    return this.#isLarge;
  }

  /** Whether one accuser is all there can be (rule VE5). */
  get isPair(): boolean {
    return this.roster === 2;
  }

  /** The roster has changed. */
  rosterChanged(nowMonoMs: number): void {
    const wasLarge = this.#isLarge;
    this.#isLarge = this.roster > GOSSIP_ROSTER;
    if (this.#isLarge && !wasLarge) this.#largeSinceMonoMs = nowMonoMs;
    if (this.#isLarge) this.#chosen.rosterChanged(nowMonoMs);
    else this.#chosen.forget();
  }

  /** Whether pulses are for everybody: also for a while after a fleet has grown, unless it has grown far. */
  gossipsPulses(nowMonoMs: number): boolean {
    if (!this.#isLarge) return true;
    const isNew = nowMonoMs - this.#largeSinceMonoMs < HAND_OVER_SEND_MS;
    return isNew && this.roster <= 2 * GOSSIP_ROSTER;
  }

  /** Time has passed; whether this node's duties are others now. */
  passTime(nowMonoMs: number): boolean {
    return this.#isLarge && this.#chosen.passTime(nowMonoMs);
  }

  /** Whether this node judges the silence of a member itself. */
  isDuty(node: NodeId): boolean {
    return this.#isLarge
      ? this.#chosen.duties.has(node)
      : this.#membership.member(node) !== undefined;
  }

  /** Whether a member is judged by others alone; of whoever has left, everybody may speak. */
  isOthersDuty(node: NodeId): boolean {
    return (
      this.#isLarge && this.#membership.member(node) !== undefined && !this.#chosen.duties.has(node)
    );
  }

  /** Members whose silence this node judges, if those are not all. */
  get duties(): ReadonlySet<NodeId> {
    return this.#chosen.duties;
  }

  /** To whom this node sends its pulses straight; nobody in a small fleet. */
  recipients(): readonly NodeId[] {
    return this.#isLarge ? this.#chosen.recipients() : [];
  }

  /** With whom this node wants to be connected for that, who matters most first. */
  links(): readonly NodeId[] {
    return this.#isLarge ? this.#chosen.links() : [];
  }

  isRecipient(node: NodeId): boolean {
    return this.#isLarge && this.#chosen.isRecipient(node);
  }

  /** What this node tells its witnesses of its own sight; nothing in a small fleet. */
  toldSight(nowMonoMs: number): ToldSight | undefined {
    return this.#isLarge ? this.#chosen.ownSight(nowMonoMs, TOLD_SIGHT_INTERVALS) : undefined;
  }

  /**
   * Accusers that a verdict about the subject needs (rule VE2). `accusers` who have a say although they are none of {@link electorateOf} any more, as
   * in a hand-over (rule PU8), are counted with it: one who was left of them would be a quorum.
   */
  quorumOver(subject: NodeId, accusers: readonly NodeId[] = []): number {
    return this.#rule.quorumOver(subject, accusers);
  }

  /** Whether a node has a say about a subject. */
  isWitness(node: NodeId, subject: NodeId): boolean {
    return this.#rule.isWitness(node, subject);
  }

  /** All who have. */
  witnessesOf(subject: NodeId): readonly NodeId[] {
    return this.#rule.witnessesOf(subject);
  }

  /** Those of them whose word counts now: in a large fleet not of the dead, and nowhere of regions that are out of reach. */
  electorateOf(subject: NodeId): readonly NodeId[] {
    return this.#rule.electorateOf(subject);
  }

  /**
   * Whether an accusation is left over from a cut: whoever is, or was a moment ago, out of reach accuses all that it did not hear, and is about
   * to learn better (rule VE4). Small fleets hear the accused themselves.
   */
  isLeftOver(author: NodeId, { kind, subject }: Statement): boolean {
    const { regions } = this;
    if ((kind !== "accuse" && kind !== "unknown") || !this.#isLarge || !regions.isApart(author))
      return false;
    return regions.regionOf(author) !== regions.regionOf(subject);
  }

  /** Whether this node itself may accuse at all: observers never do. */
  get mayAccuse(): boolean {
    return !this.#env.config.observer && this.#membership.member(this.#self) !== undefined;
  }

  /** Whether enough have spoken about the subject for `accusers` to decide. */
  mayDecide(subject: Subject, accusers: number): boolean {
    return this.#rule.mayDecide(subject, accusers);
  }

  /** Whether enough of a member's witnesses are alive for its death to be noticed. */
  isWatched(subject: NodeId): boolean {
    return !this.#isLarge || this.#chosen.isWatched(subject);
  }

  /** This node, if it counts, and all members that are in sight as far as it can tell. */
  inSight(nowMonoMs: number): number {
    return this.#rule.inSight(nowMonoMs);
  }

  /** Whether a strict majority of the electorate is in sight (or this is a pair that may accuse). */
  hasMajority(nowMonoMs: number): boolean {
    return this.#rule.hasMajority(nowMonoMs);
  }

  /**
   * Whether a strict majority of all members is in sight, wherever they are: what this node's own word about itself and its robots rests on.
   * Both sides of a cut between regions judge their own nodes, and only one of them can be the fleet.
   */
  hasRosterMajority(nowMonoMs: number): boolean {
    const isWhole = this.#rule.hasWholeMajority(nowMonoMs);
    if (!isWhole && !this.#rule.hasMajority(nowMonoMs)) return false;
    const { regions } = this;
    const away = regions.lost + (isWhole ? 0 : regions.justBack(nowMonoMs));
    return away === 0 || this.isPair || (this.roster - away) * 2 > this.roster;
  }

  /** Whether a strict majority was heard since the subject fell silent: what an accusation rests on. */
  hasMajorityOver(subject: Subject, nowMonoMs: number): boolean {
    return this.#rule.hasMajorityOver(subject, nowMonoMs);
  }

  /** How many of those who may speak of the subject come between `speaker` and this node, in the order of their ids and round again. */
  placeAfter(speaker: NodeId, subject: NodeId, nowMonoMs: number): number {
    return this.#rule.placeAfter(speaker, subject, nowMonoMs);
  }

  /** Whether this node is among those who speak first of what all witnesses of `subject` noticed of `node` at one moment (ADR 0012). */
  speaksFirst(node: NodeId, subject: NodeId, nowMonoMs: number): boolean {
    const enough = ENOUGH_QUORUMS * this.quorumOver(subject);
    return this.placeAfter(node, subject, nowMonoMs) < enough;
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
    return voices >= ENOUGH_QUORUMS * this.quorumOver(node);
  }

  /** Witnesses, this node aside, that are known to hear the subject inside its deadline. */
  freshWitnesses(subject: Subject, nowMonoMs: number): number {
    return this.#rule.freshWitnesses(subject, nowMonoMs);
  }

  /** Whether a majority of the subject's witnesses miss too many of its pulses (rule PU7). */
  isLossy(subject: Subject, nowMonoMs: number): boolean {
    return this.#rule.isLossy(subject, nowMonoMs, this.mayAccuse);
  }

  get #rule(): ElectorateRule {
    return this.#isLarge ? this.#chosen : this.#everybody;
  }
}
