/**
 * Liveness of the other nodes, put together: pulses and observations in; accusations, verdicts and statuses out.
 * The parts are next door: dates in `pulse/dating.ts`, the witness in `accuse.ts`, the reader in `verdict.ts`, words in `node-status.ts`.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { PulseAttachment, PulseHeader } from "../pulse/pulse-codec.ts";
import { HEARD_MAX, type Heard } from "../pulse/pulse-codec.ts";
import type { Membership } from "../roster/membership.ts";
import type { Envelope } from "../wire/envelope.ts";
import type { WitnessCount } from "../view/robot-view.ts";
import type { NodeReason, Status } from "../view/status.ts";
import { Absences } from "./absences.ts";
import {
  judgeSilence,
  restateUp,
  sayUp,
  stateTrouble,
  takeBack,
  withdraw,
  type Witness,
} from "./accuse.ts";
import { echoes } from "./echoes.ts";
import { Electorate } from "./electorate.ts";
import { Followed } from "./followed.ts";
import { Goodbyes } from "./goodbyes.ts";
import { nodeStatus } from "./node-status.ts";
import { Objections } from "./objections.ts";
import type { Evidence, Observation, Statement } from "./observation-codec.ts";
import { QuietMembers } from "./quiet-members.ts";
import { forgive } from "./region-heal.ts";
import type { RegionChange } from "./regions.ts";
import { EXPIRE_INTERVALS, GREET_INTERVALS, START_UP_INTERVALS } from "./rules.ts";
import { Statements, type Author } from "./statements.ts";
import type { Subject } from "./subject.ts";
import { weighObservations, type Reader } from "./verdict.ts";
import { witnessCount } from "./witness-count.ts";

/** Verdicts and transitions, for the audit log and for the robots of the node. */
export interface LivenessListener {
  accused(subject: Subject, now: Now): void;
  verdict(subject: Subject, kind: "down" | "up" | "unknown", now: Now): void;
  statusChanged(node: NodeId, from: Status, now: Now): void;
  /** A region is out of reach as a whole, or is not any more (rule VE4). */
  regionChanged(change: RegionChange, now: Now): void;
  /** What is said of everybody whom nobody speaks of has changed. */
  quietChanged(from: Status, now: Now): void;
}

export interface FirstHandPulse {
  readonly author: NodeId;
  readonly header: PulseHeader;
  readonly evidence: Envelope;
  readonly attachment: PulseAttachment;
}

export class Liveness {
  readonly #env: Env;
  readonly #membership: Membership;
  readonly #listener: LivenessListener;
  readonly #subjects = new Map<NodeId, Subject>();
  readonly #witness: Witness;
  readonly #reader: Reader;
  readonly #objections: Objections;
  readonly #absences: Absences;
  readonly #goodbyes: Goodbyes;
  readonly #followed: Followed;
  #roundMonoMs = Number.NEGATIVE_INFINITY;
  #judgeFromMonoMs = Number.NEGATIVE_INFINITY;
  #doubtUntilMonoMs = Number.NEGATIVE_INFINITY;

  readonly electorate: Electorate;
  /** What is said of members that nobody speaks of (rule PU8). */
  readonly quiet: QuietMembers;
  readonly statements: Statements;

  constructor(deps: {
    readonly env: Env;
    readonly membership: Membership;
    readonly author: Author;
    readonly listener: LivenessListener;
    readonly said?: ((bytes: Uint8Array, now: Now) => void) | undefined;
  }) {
    const { env, membership, listener } = deps;
    this.#env = env;
    this.#membership = membership;
    this.#listener = listener;
    this.statements = new Statements(env, deps.author, deps.said);
    this.electorate = new Electorate(env, { membership, subjects: this.#subjects });
    this.#witness = {
      env,
      electorate: this.electorate,
      statements: this.statements,
      recordAccusation: (subject, now) => listener.accused(subject, now),
    };
    this.#reader = {
      env,
      electorate: this.electorate,
      judgeFromMonoMs: () => this.#judgeFromMonoMs,
    };
    this.#objections = new Objections(this.#witness);
    this.#absences = new Absences(env);
    this.#goodbyes = new Goodbyes(env);
    this.quiet = new QuietMembers(env, { membership, electorate: this.electorate });
    this.#followed = new Followed({
      env,
      membership,
      electorate: this.electorate,
      subjects: this.#subjects,
      absences: this.#absences,
      goodbyes: this.#goodbyes,
      quietOf: (node) => this.quiet.ofMember(node),
      released: (subject) => {
        subject.datedSinceBase = false;
        subject.dating.forgetOffset();
        withdraw(subject, this.#witness);
      },
    });
  }

  /** Rows of an earlier boot, before {@link start}. */
  restore(rows: readonly StoreRow[]): void {
    this.#absences.restore(rows);
    this.#goodbyes.restore(rows);
  }

  start(now: Now): void {
    this.quiet.begin(now);
    this.#followed.start(now);
    this.#env.out.setTimerBy("watch", now.monoMs + this.#env.config.pulseEveryMs);
  }

  subject(node: NodeId): Subject | undefined {
    return this.#subjects.get(node);
  }

  /** The facts about a member, from now on if there were none. */
  ofMember(node: NodeId, now: Now): Subject | undefined {
    return this.#followed.ofMember(node, now);
  }

  /** Whether pulses of this author are followed. */
  follows(author: NodeId, isConnected: boolean, now: Now): Subject | undefined {
    this.#syncRoster(now);
    return this.#followed.follows(author, isConnected, now);
  }

  /** The newest pulse that was heard of a node, even if it was forgotten since. */
  newestHeard(node: NodeId): PulseName | undefined {
    return this.#followed.newestHeard(node);
  }

  /** A pulse with a valid signature, above every one seen of its author, arrived first hand. Returns its date if it has one. */
  onPulse(
    pulse: FirstHandPulse,
    echoes: boolean,
    now: Now,
  ): { readonly dateMonoMs: number | undefined; readonly isNewBoot: boolean } {
    const subject = this.#subjects.get(pulse.author);
    if (subject === undefined) return { dateMonoMs: undefined, isNewBoot: false };
    const { header } = pulse;
    const isNewBoot = subject.dating.newest?.boot !== header.boot;
    const dated = subject.dating.onPulse(header, now.monoMs, echoes);
    if (dated.type === "replayed") return { dateMonoMs: undefined, isNewBoot: false };
    const isPromiseNew = subject.adoptInterval(header.intervalMs, isNewBoot);
    if (isNewBoot) subject.echoedMonoMs = Number.NEGATIVE_INFINITY;
    subject.says = pulse.attachment;
    subject.saysDateMonoMs = dated.type === "dated" ? dated.dateMonoMs : undefined;
    subject.loss.onPulse(header.boot, header.seq, now.monoMs, subject.intervalMs);
    subject.learn({ envelope: pulse.evidence, header }, now);
    // A node that doubts itself has been away and forgot what it knew; its first pulse that says so is enough.
    const isNear = this.electorate.isDuty(subject.node) || !this.electorate.isLarge;
    if (isNear && (isNewBoot || (header.doubt && !subject.doubts))) this.#greetAgain(subject, now);
    subject.doubts = header.doubt;
    if (dated.type === "dated") {
      if (header.twin?.isProved === true) subject.twinMonoMs = now.monoMs;
      subject.datedSinceBase = true;
      if (header.pausedForMs === undefined) subject.endAbsence(header, true, now.monoMs);
      if (subject.isFresh(now.monoMs)) {
        subject.objectedRunning = 0;
        takeBack(this.#witness, subject, now);
      }
    }
    const isSteady = subject.status === "up" && subject.latch === undefined && !isPromiseNew;
    if (!isSteady || header.pausedForMs !== undefined || subject.isTwin(now.monoMs))
      this.#lookAt(subject, now);
    return { dateMonoMs: dated.type === "dated" ? dated.dateMonoMs : undefined, isNewBoot };
  }

  /** A verified observation of a witness. Evidence in it is verified here, only where it says something new. */
  onObservation(
    author: NodeId,
    observation: Observation,
    verify: (evidence: Evidence) => boolean,
    now: Now,
  ): void {
    this.#syncRoster(now);
    for (const statement of observation.statements) {
      if (statement.kind === "ack" || statement.kind === "ask") continue;
      const subject = this.#followed.ofMember(statement.subject, now);
      if (subject === undefined) continue;
      let isNews = this.#takeEvidence(subject, statement, verify, now);
      const opinions = subject.opinions(statement.kind);
      if (opinions !== undefined && this.#takeOpinion(opinions, author, statement, subject, now))
        isNews = true;
      const { kind, name } = statement;
      if (kind === "accuse" || (kind === "unknown" && this.electorate.isLarge)) {
        // Who has no say needs no answer.
        if (this.electorate.isWitness(author, subject.node))
          this.#objections.accused(author, subject, name, now);
      } else if (statement.evidence !== undefined) this.#objections.answered(subject, name, now);
      // Most of what is said about the dead is said again; that keeps it standing and changes nothing.
      if (isNews) this.#lookAt(subject, now);
    }
  }

  /** Whoever comes, or comes back, is told what stands (rule PU5: a joiner takes status from a quorum). */
  greet(newcomer: NodeId, now?: Now): void {
    for (const subject of this.#goodbyes.subjects())
      if (subject.node !== newcomer) this.statements.tell(newcomer, "object", subject);
    for (const subject of this.#subjects.values()) {
      if (subject.node === newcomer) continue;
      if (subject.own !== undefined) this.statements.tell(newcomer, "accuse", subject);
      // The header of an announced absence speaks for itself (rule VE9).
      else if (now !== undefined && subject.isPaused(now.monoMs))
        this.statements.tell(newcomer, "object", subject);
    }
  }

  /** A goodbye was heard; it is kept, and told, if its author has left by it. */
  onGoodbye(evidence: Evidence, now: Now): void {
    if (this.#membership.hasLeft(evidence.envelope.author)) this.#goodbyes.said(evidence, now);
  }

  /** Boots and doubts without end are not answered without end (promise P6); what stands is restated in any case. */
  #greetAgain(newcomer: Subject, now: Now): void {
    const everyMs = GREET_INTERVALS * this.#env.config.pulseEveryMs;
    if (now.monoMs - newcomer.greetedMonoMs < everyMs) return;
    newcomer.greetedMonoMs = now.monoMs;
    this.greet(newcomer.node, now);
  }

  /** Looks at every subject whose time has come and plans the next look. */
  tick(now: Now): void {
    this.#syncRoster(now);
    this.#objections.tick(now);
    this.#lookAtRegions(now);
    // Everybody is looked at once an interval, because some reasons lie with others: a majority lost, witnesses that complain.
    const isRound = now.monoMs >= this.#roundMonoMs;
    if (isRound) {
      this.#roundMonoMs = now.monoMs + this.#env.config.pulseEveryMs;
      this.#lookAtQuiet(now);
    }
    let nextMonoMs = Math.min(this.#roundMonoMs, this.#objections.dueMonoMs);
    if (this.electorate.regions.isSuspecting)
      nextMonoMs = Math.min(nextMonoMs, now.monoMs + this.#env.config.settleMs);
    for (const subject of this.#subjects.values()) {
      if (isRound || now.monoMs >= subject.lookMonoMs) this.#lookAt(subject, now);
      nextMonoMs = Math.min(nextMonoMs, subject.lookMonoMs);
    }
    if (this.#subjects.size > 0) this.#env.out.setTimerBy("watch", nextMonoMs);
  }

  /** Looks at whoever waited for this node's turn to speak; call it before {@link Statements.flush}. */
  takeTurn(now: Now): void {
    for (const subject of this.statements.takeWaiting(now)) {
      if (this.#subjects.get(subject.node) === subject) this.#lookAt(subject, now);
    }
  }

  /** This node was stalled or its clocks parted: it judges nobody until re-dated (rule PU6). */
  stalled(now: Now): void {
    this.quiet.begin(now);
    for (const subject of this.#subjects.values()) {
      subject.dating.forgetOffset();
      subject.datedSinceBase = false;
      subject.saysDateMonoMs = undefined;
      subject.baseMonoMs = now.monoMs;
      this.#absences.recall(subject, now);
      withdraw(subject, this.#witness);
    }
    this.#objections.forget();
    this.statements.forget();
    this.#judgeFromMonoMs = now.monoMs + this.#env.config.pulseEveryMs;
    this.#doubtUntilMonoMs = now.monoMs + START_UP_INTERVALS * this.#env.config.pulseEveryMs;
    this.#roundMonoMs = now.monoMs;
    this.tick(now);
  }

  /** Why this node's own word is worth little at the moment, if so. */
  doubt(now: Now): NodeReason | undefined {
    return this.electorate.hasRosterMajority(now.monoMs) ? undefined : this.#doubtReason(now);
  }

  #doubtReason(now: Now): NodeReason {
    return now.monoMs < this.#doubtUntilMonoMs ? "stalled" : "no-majority";
  }

  /** What the pulse that is being made echoes. */
  heard(now: Now): readonly Heard[] {
    const recentMs = EXPIRE_INTERVALS * this.#env.config.pulseEveryMs;
    const { electorate } = this;
    // In a large fleet whoever judges this node needs an echo, and nobody else.
    const isWanted = ({ node }: Subject): boolean =>
      !electorate.isLarge ||
      electorate.isRecipient(node) ||
      this.#membership.member(node) === undefined;
    const subjects = [...this.#subjects.values()].filter(isWanted);
    return echoes(subjects, this.#membership, recentMs, now);
  }

  /** Short ids of nodes whose pulses this node misses too often. */
  missing(): readonly string[] {
    const missing: string[] = [];
    if (this.electorate.isLarge) return missing;
    for (const subject of this.#subjects.values()) {
      if (missing.length < HEARD_MAX && subject.loss.isLossy()) missing.push(subject.shortId);
    }
    return missing;
  }

  witnessCount(node: NodeId, now: Now): WitnessCount {
    return witnessCount(
      {
        electorate: this.electorate,
        subjects: this.#subjects,
        quiet: this.quiet.ofMember(node)?.status,
      },
      node,
      {
        self: this.#env.identity.self,
        nowMonoMs: now.monoMs,
        expireMs: EXPIRE_INTERVALS * this.#env.config.pulseEveryMs,
      },
    );
  }

  #takeEvidence(
    subject: Subject,
    statement: Statement,
    verify: (evidence: Evidence) => boolean,
    now: Now,
  ): boolean {
    const { evidence } = statement;
    if (evidence === undefined || comparePulseNames(statement.name, subject.newestName) <= 0)
      return false;
    if (!verify(evidence)) return false;
    subject.learn(evidence, now);
    const dateMonoMs = subject.dating.dateEvidence(evidence.header, now.monoMs);
    const isInside = dateMonoMs !== undefined && now.monoMs - dateMonoMs <= subject.patienceMs;
    if (isInside) subject.shownMonoMs = now.monoMs;
    if (isInside && subject.own !== undefined) {
      subject.objectedRunning += 1;
      withdraw(subject, this.#witness);
    }
    return true;
  }

  /** Says whether the author had not said it before. */
  #takeOpinion(
    opinions: Subject["accusations"],
    author: NodeId,
    statement: Statement,
    subject: Subject,
    now: Now,
  ): boolean {
    if (!this.electorate.isWitness(author, subject.node)) return false;
    if (this.electorate.isLeftOver(author, statement)) return false;
    const held = opinions.get(author);
    // A name newer than known is believed only with its signed header, which would have made it known.
    if (comparePulseNames(statement.name, subject.newestName) > 0) return false;
    if (held !== undefined && comparePulseNames(held.name, statement.name) > 0) return false;
    // Who says that it lives accuses it no more.
    if (statement.kind === "up") subject.forgetSilence(author);
    const isSame = held !== undefined && comparePulseNames(held.name, statement.name) === 0;
    opinions.set(author, {
      name: statement.name,
      namedMonoMs: isSame ? held.namedMonoMs : now.monoMs,
      seenMonoMs: now.monoMs,
    });
    return !isSame;
  }

  #lookAt(subject: Subject, now: Now): void {
    const isMember = this.#membership.member(subject.node) !== undefined;
    if (!isMember) subject.mayBeOfflineMs = undefined;
    this.#absences.note(subject, now);
    if (!isMember) {
      // Strangers, and members that have left, owe nobody a sign of life (rules VE1, VE9).
      withdraw(subject, this.#witness);
      subject.accusations.clear();
      subject.unknowns.clear();
      subject.latch = undefined;
      subject.lookMonoMs = Number.POSITIVE_INFINITY;
      this.#updateStatus(subject, now);
      return;
    }
    const judgedBy = subject.latch?.name;
    let nextMonoMs = judgeSilence(this.#witness, subject, now);
    const change = weighObservations(this.#reader, subject, now);
    if (change.type === "none") nextMonoMs = Math.min(nextMonoMs, change.lookAgainMonoMs);
    if (change.type === "down") this.#listener.verdict(subject, "down", now);
    if (change.type === "ended") {
      this.#listener.verdict(subject, change.how === "restored" ? "up" : "unknown", now);
      if (change.how === "restored") {
        subject.reversalsMonoMs = [...subject.reversalsMonoMs.slice(-7), now.monoMs];
        if (judgedBy !== undefined && subject.isFresh(now.monoMs))
          sayUp(this.#witness, subject, judgedBy, now);
      }
    }
    nextMonoMs = Math.min(nextMonoMs, restateUp(this.#witness, subject, now));
    stateTrouble(this.#witness, subject, now);
    this.#updateStatus(subject, now);
    subject.lookMonoMs = Math.max(nextMonoMs, now.monoMs + 1);
    this.#env.out.setTimerBy("watch", subject.lookMonoMs);
  }

  #updateStatus(subject: Subject, now: Now): void {
    const facts = {
      electorate: this.electorate,
      config: this.#env.config,
      hasLeft: this.#membership.hasLeft(subject.node),
      hasRetired: this.#membership.hasRetired(subject.node),
      ending: this.#membership.ending(subject.node),
      isRegionLost: this.electorate.regions.outageOf(subject.node) !== undefined,
      inDoubt: now.monoMs < this.#doubtUntilMonoMs && !subject.datedSinceBase,
      quiet: this.quiet.ofSubject(subject, now),
    };
    const next = nodeStatus(facts, subject, now.monoMs);
    const from = subject.status;
    subject.reason = next.reason;
    if (next.status === from) return;
    subject.status = next.status;
    subject.sinceMonoMs = now.monoMs;
    subject.sinceWallMs = now.wallMs;
    this.#listener.statusChanged(subject.node, from, now);
  }

  #syncRoster(now: Now): void {
    if (!this.#followed.sync(now)) return;
    // Who comes or goes changes quorums: the next look is at everybody.
    this.#roundMonoMs = Math.min(this.#roundMonoMs, now.monoMs);
    this.#env.out.setTimerBy("watch", now.monoMs + this.#env.config.pulseEveryMs);
  }

  /** Whether whole regions have gone silent, or are heard again; either changes what is said of everybody. */
  #lookAtRegions(now: Now): void {
    for (const change of this.electorate.regions.look(now)) {
      this.#roundMonoMs = now.monoMs;
      const { step, outage } = change;
      if (step === "back") forgive(this.#witness, this.#subjects.values(), outage.to);
      this.#listener.regionChanged(change, now);
    }
  }

  /** In a large fleet: how sure this node is of everybody whom nobody speaks of. */
  #lookAtQuiet(now: Now): void {
    if (!this.electorate.isLarge) return;
    const isSure = now.monoMs >= this.#doubtUntilMonoMs && this.electorate.hasMajority(now.monoMs);
    const before = this.quiet.look(isSure ? undefined : this.#doubtReason(now), now);
    const { status } = this.quiet;
    if (before !== undefined && before !== status) this.#listener.quietChanged(before, now);
    this.#followed.prune(status, now);
  }
}
