/**
 * This node among its neighbours: its own pulses, the pulses and observations of others, the first word with a new peer, and the doubt
 * about itself. Everything of core that knows neither robots nor chains; those are told through {@link NeighbourhoodListener}.
 */
import { openHello, sealHello } from "../boot/hello-codec.ts";
import { StallGuard, type Absence } from "../boot/stall-guard.ts";
import type { Validation } from "../driver/transport.ts";
import type { Env } from "../env.ts";
import type { RejectReason } from "../event.ts";
import { KeptEvidence, withEvidence } from "../evidence/kept-evidence.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import { knownPulse } from "../pulse/known-pulse.ts";
import { takeOlderPulse } from "../pulse/older-pulse.ts";
import { OwnPulses, type PulseReach } from "../pulse/own-pulses.ts";
import {
  PULSE_BYTES_MAX,
  shortIdOf,
  type ChainHead,
  type Heard,
  type PulseAttachment,
  type PulseHeader,
} from "../pulse/pulse-codec.ts";
import { takePulse, type ValidPulse } from "../pulse/pulse-intake.ts";
import type { MembershipWithStarts } from "../roster/membership.ts";
import type { RobotNews } from "../robots/pulse-queue.ts";
import { decodeEnvelope, verifyEnvelope } from "../wire/envelope.ts";
import { Asking } from "./asking.ts";
import { Liveness, type LivenessListener } from "./liveness.ts";
import { ObservationIntake } from "./observation-intake.ts";
import type { Evidence } from "./observation-codec.ts";
import { ANSWER_EVERY_MS } from "./rules.ts";
import { Reunions } from "./reunions.ts";
import { SpreadTurns } from "./spread-turns.ts";
import { TwinWatch, type TwinListener } from "./twin-watch.ts";

/** Bytes of a pulse that are neither heard, heads nor beats: header, envelope, signature. */
const PULSE_FRAME_BYTES = 640;
const HEARD_ENTRY_BYTES = 28;
const HEAD_ENTRY_BYTES = 40;
/** Pulses of one node that are taken, and so relayed, in one second. */
export const PULSES_PER_SECOND_MAX: number = 100;

/** Peers that are no members and that are sent every pulse of a node of a large fleet all the same. */
export const LISTENERS_MAX: number = 8;

export interface NeighbourhoodListener extends LivenessListener, TwinListener {
  /** What has happened to robots. */
  readonly news: RobotNews;
  /** What robots and chains put into the next pulse. */
  pulseParts(
    beatBytesMax: number,
    now: Now,
    isForEverybody: boolean,
  ): {
    readonly heads: readonly ChainHead[];
    readonly auditSize: number;
    readonly auditHash: Uint8Array;
    readonly charter?: number | undefined;
    readonly beats: unknown;
  };
  /** A valid pulse above every one seen; `dateMonoMs` is undefined while its boot is undated. */
  pulse(pulse: ValidPulse, dateMonoMs: number | undefined, from: NodeId, now: Now): void;
  goodbye(node: NodeId, evidence: Evidence, now: Now): void;
  rejected(reason: RejectReason, from: NodeId, now: Now): void;
  /** Somebody holds a pulse of this node with a boot or number that it has not used: it must boot above it (rule PU3). */
  bootAbove(boot: number, now: Now): void;
}

export class Neighbourhood {
  readonly #env: Env;
  readonly #listener: NeighbourhoodListener;
  readonly #membership: MembershipWithStarts;
  readonly #observations: ObservationIntake;
  readonly #guard: StallGuard;
  readonly #twins: TwinWatch;
  readonly #connected = new Set<NodeId>();
  /** Of which version of the roster everybody has been sent a pulse, and how many are left until the next. */
  readonly #spread: SpreadTurns;
  readonly #reunions: Reunions;
  /** When connected peers that asked were answered last. */
  readonly #answeredMonoMs = new Map<NodeId, number>();
  /** Peers that have acknowledged the announced stop. */
  readonly #acknowledged = new Set<NodeId>();
  /** The newest own pulse that somebody has proved to hold, until this node is above it. */
  #provedOwn: PulseName | undefined;

  readonly pulses: OwnPulses;
  readonly liveness: Liveness;
  readonly evidence: KeptEvidence;
  readonly asking: Asking;

  constructor(deps: {
    readonly env: Env;
    readonly membership: MembershipWithStarts;
    readonly listener: NeighbourhoodListener;
  }) {
    const { env, membership, listener } = deps;
    this.#env = env;
    this.#listener = listener;
    this.#membership = membership;
    this.pulses = new OwnPulses(env, {
      reach: (isStop, now) => this.#reach(isStop, now),
      attachment: (reach, now) => this.#attachment(reach, now),
      deliver: (bytes, reach) => this.#deliver(bytes, reach),
    });
    this.#spread = new SpreadTurns(env.config.pulseEveryMs);
    this.#reunions = new Reunions(env.config.pulseEveryMs);
    this.evidence = new KeptEvidence({ env, liveness: () => this.liveness });
    this.liveness = new Liveness({
      env,
      membership,
      author: this.pulses,
      listener: this.#withReunions(withEvidence(listener, this.evidence)),
      said: (bytes, now) => this.evidence.onSaid(bytes, now),
    });
    this.#observations = new ObservationIntake(env, this.liveness);
    this.asking = new Asking(env, this);
    this.#guard = new StallGuard(env.config.pulseEveryMs);
    this.#twins = new TwinWatch(this.pulses, listener, env.config.pulseEveryMs / 2);
  }

  isSelf(node: NodeId): boolean {
    return node === this.#env.identity.self;
  }

  get connected(): ReadonlySet<NodeId> {
    return this.#connected;
  }

  get acknowledged(): ReadonlySet<NodeId> {
    return this.#acknowledged;
  }

  /** First with every input: was this node away? If so it doubts itself, and its clocks may ask for a new boot (rule PU6). */
  checkAbsence(now: Now): Absence {
    this.#bootAboveProved(now);
    // Without a durable boot no pulse is due; then whatever else was to wake this node shows that it was away.
    const { boot, dueMonoMs } = this.pulses;
    const absence = this.#guard.check(now, boot > 0 ? dueMonoMs : this.#env.out.timerDueMonoMs);
    if (absence.type === "stalled") this.pulses.twins.stalled(absence.forMs);
    this.#twins.check(now);
    if (absence.type === "none") return absence;
    this.pulses.doubt();
    this.liveness.stalled(now);
    const { out } = this.#env;
    if (absence.type === "stalled") out.emit({ type: "stalled", forMs: absence.forMs });
    else out.emit({ type: "clock-stepped", byMs: absence.byMs });
    return absence;
  }

  onGossipPulse(from: NodeId, bytes: Uint8Array, now: Now): Validation {
    return this.#takePulse(from, bytes, { isRelayed: true }, now);
  }

  onGossipObservation(from: NodeId, bytes: Uint8Array, now: Now): Validation {
    const taken = this.#observations.take(bytes, from, now);
    if (!taken.ok) {
      this.#listener.rejected(taken.reason, from, now);
      return taken.validation;
    }
    const { author, envelope, observation } = taken;
    const { self } = this.#env.identity;
    for (const statement of observation.statements) {
      if (statement.subject !== self) continue;
      // Who has no say brings no verdict about, and cannot make this node pulse twice as often.
      if (statement.kind === "accuse" && this.liveness.electorate.isWitness(author, self)) {
        this.pulses.request(now, ANSWER_EVERY_MS);
        // Nobody knows better than the accused; of an earlier boot it may be right.
        if (statement.name.boot === this.pulses.boot)
          this.#listener.rejected("accusation-refuted", author, now);
      }
      if (statement.kind === "ack" && comparePulseNames(statement.name, this.pulses) >= 0)
        this.#acknowledged.add(author);
      if (statement.kind === "ask") this.#answerAsker(author, now);
    }
    this.liveness.onObservation(author, observation, (evidence) => this.#takes(evidence, now), now);
    this.evidence.onObservation(envelope, observation, now);
    return "accept";
  }

  /** A direct frame: an envelope of any small kind. */
  onDirect(from: NodeId, bytes: Uint8Array, now: Now): void {
    const opened = decodeEnvelope(this.#env, bytes, PULSE_BYTES_MAX * 4);
    if (!opened.ok) return this.#listener.rejected(opened.code, from, now);
    const { kind } = opened.envelope;
    if (kind === "observation") this.onGossipObservation(from, bytes, now);
    else if (kind === "pulse") {
      const isTaken = this.#takePulse(from, bytes, { isRelayed: false }, now) === "accept";
      const isFromAuthor = opened.envelope.author === from;
      if (isFromAuthor && (isTaken || this.#known(bytes) !== undefined)) this.asking.cameFrom(from);
    } else if (kind === "hello") this.#onHello(from, bytes, now);
    else this.#listener.rejected("kind-unknown", from, now);
  }

  onPeerUp(node: NodeId): void {
    this.#connected.add(node);
    const subject = this.liveness.subject(node);
    this.#env.out.send(node, "direct", sealHello(this.#env, subject?.known));
    // Where two processes have its key, the one with the newer boot hears of the other's pulses only so.
    if (subject?.olderLife !== undefined)
      this.#env.out.send(node, "direct", sealHello(this.#env, subject.olderLife));
    if (this.pulses.latest !== undefined) this.#env.out.send(node, "direct", this.pulses.latest);
    this.liveness.greet(node);
  }

  /** Asks a connected member for its newest pulse (rule PU9). */
  askFor(node: NodeId, now: Now): void {
    const subject = this.liveness.ofMember(node, now);
    if (subject !== undefined) this.liveness.statements.tell(node, "ask", subject);
  }

  onPeerDown(node: NodeId): void {
    this.#connected.delete(node);
    this.#answeredMonoMs.delete(node);
  }

  /** Announces the stop and sends it straight to every connected member (rule VE9). */
  announceStop(
    stop: { readonly pausedForMs: number | undefined; readonly goodbye: boolean },
    now: Now,
  ): void {
    this.#acknowledged.clear();
    const bytes = this.pulses.announceStop(stop, now);
    const { electorate } = this.liveness;
    for (const node of [...this.#connected].toSorted())
      if (!electorate.isRecipient(node)) this.#env.out.send(node, "direct", bytes);
  }

  /** A member asks for this node's newest pulse: it is sent to connected peers alone, as often as an accused node answers. */
  #answerAsker(asker: NodeId, now: Now): void {
    const { latest } = this.pulses;
    if (latest === undefined || !this.#connected.has(asker)) return;
    const answeredMonoMs = this.#answeredMonoMs.get(asker) ?? Number.NEGATIVE_INFINITY;
    if (now.monoMs - answeredMonoMs < ANSWER_EVERY_MS) return;
    this.#answeredMonoMs.set(asker, now.monoMs);
    this.#env.out.send(asker, "direct", latest);
  }

  /** Sees who was away and is back. */
  #withReunions(listener: LivenessListener): LivenessListener {
    return {
      ...listener,
      statusChanged: (node, from, now) => {
        const subject = this.liveness.subject(node);
        if (subject !== undefined) {
          const { status, newestName } = subject;
          const isMember = this.#membership.member(node) !== undefined;
          const seen = { node, status, newestName, isMember };
          this.#reunions.onStatus(seen, this.pulses.boot, now);
        }
        listener.statusChanged(node, from, now);
      },
      regionChanged: (change, now) => {
        this.#reunions.onRegion(change, this.pulses.boot, now);
        listener.regionChanged(change, now);
      },
    };
  }

  /** In a small fleet each pulse is for everybody, in a large one few are (rule PU8). */
  #reach(isStop: boolean, now: Now): PulseReach {
    const { electorate } = this.liveness;
    const { boot } = this.pulses;
    this.#reunions.onMajority(electorate.hasRosterMajority(now.monoMs), boot, now);
    const againMonoMs = this.#reunions.due(now);
    if (againMonoMs !== undefined) this.#listener.news.tellAgain(againMonoMs);
    const isForAll = electorate.gossipsPulses(now.monoMs);
    const holds = { isStop, isNews: !isForAll && this.#listener.news.hasNews };
    const { version, starts } = this.#membership;
    const fleet = { version, starts, roster: electorate.roster };
    return this.#spread.isNext(holds, boot, fleet, now) || isForAll ? "everybody" : "witnesses";
  }

  /** In a small fleet everybody hears every pulse; in a large one its witnesses do, and who is no member but listens (rule PU8). */
  #deliver(bytes: Uint8Array, reach: PulseReach): void {
    if (reach === "everybody") this.#env.out.publish("pulse", bytes);
    const to = [...this.liveness.electorate.recipients(), ...this.#listeners()];
    for (const node of to) this.#env.out.send(node, "direct", bytes);
  }

  /** Peers of a large fleet that are no members: observers, and who is about to join. */
  #listeners(): readonly NodeId[] {
    if (!this.liveness.electorate.isLarge) return [];
    const strangers = [...this.#connected].filter(
      (node) => this.#membership.member(node) === undefined,
    );
    return strangers.toSorted().slice(0, LISTENERS_MAX);
  }

  #takePulse(
    from: NodeId,
    bytes: Uint8Array,
    how: { readonly isRelayed: boolean },
    now: Now,
  ): Validation {
    const { self } = this.#env.identity;
    const taken = takePulse(this.#env, bytes, (author, header) => {
      if (author === self) return this.#twins.newestOwn(header, now);
      const subject = this.liveness.follows(author, this.#connected.has(author), now);
      return subject === undefined ? "stranger" : this.liveness.newestHeard(author);
    });
    if (!taken.ok) {
      const isOlder = taken.reason === "pulse-replayed" && this.#takeOlder(from, bytes, how, now);
      if (isOlder) return "accept";
      if (how.isRelayed && this.#isToBePassedOn(bytes)) return "accept";
      // A peer sends its newest pulse straight when it connects; that one is known already more often than not.
      const isCommon = !how.isRelayed || this.liveness.electorate.isLarge;
      if (!isCommon || taken.reason !== "pulse-replayed")
        this.#listener.rejected(taken.reason, from, now);
      return taken.validation;
    }
    const { pulse } = taken;
    if (pulse.author === self) {
      this.#onOwnKey(pulse.header, from, now);
      return "ignore";
    }
    // Straight pulses are first hand only from their author; from anybody else they would be a way to replay.
    if (!how.isRelayed && pulse.author !== from) return "ignore";
    const subject = this.liveness.subject(pulse.author);
    const mayBeOld = this.#mayBeOldGoodbye(pulse, from, now);
    // It is not known as the newest afterwards, so each copy looks like the first.
    if (mayBeOld && subject && comparePulseNames(pulse.header, subject.passedOn) <= 0)
      return "ignore";
    if (subject?.pulseRate.admit(now.monoMs, PULSES_PER_SECOND_MAX) === false) {
      this.#listener.rejected("rate", from, now);
      return "ignore";
    }
    if (!mayBeOld) this.#onPulse(pulse, from, how, now);
    if (how.isRelayed && subject !== undefined) subject.passedOn = pulse.header;
    return "accept";
  }

  /**
   * A goodbye that somebody passes on, and that cannot be dated, may be a recording, and says nothing. Taken for the newest pulse it would be worse than that:
   * whoever has it from its author, and answers an accusation with it, would name nothing newer.
   */
  #mayBeOldGoodbye({ author, header, attachment }: ValidPulse, from: NodeId, now: Now): boolean {
    if (!header.goodbye || author === from || this.#answers(attachment.heard, now)) return false;
    return this.liveness.subject(author)?.dating.dateOf(header, now.monoMs) === undefined;
  }

  /** Had straight: whoever has it by gossip alone may have it through this node alone. Once: a recording goes round no second time. */
  #isToBePassedOn(bytes: Uint8Array): boolean {
    const known = this.#known(bytes);
    const subject = known && this.liveness.subject(known.envelope.author);
    if (known === undefined || subject === undefined) return false;
    if (comparePulseNames(known.header, subject.passedOn) <= 0) return false;
    subject.passedOn = known.header;
    return true;
  }

  /** The newest pulse of its author, where these are the very bytes of it. */
  #known(bytes: Uint8Array): Evidence | undefined {
    return knownPulse(this.#env, bytes, (author) => this.liveness.subject(author)?.known);
  }

  #onPulse(pulse: ValidPulse, from: NodeId, how: { readonly isRelayed: boolean }, now: Now): void {
    const echoes = this.#answers(pulse.attachment.heard, now);
    const result = this.liveness.onPulse(pulse, echoes, now);
    if (result.dateMonoMs !== undefined) {
      const ownWallMs = now.wallMs - (now.monoMs - result.dateMonoMs);
      this.liveness.subject(pulse.author)?.dating.wall.learn(pulse.header.wallMs, ownWallMs);
    }
    if (result.isNewBoot || (result.dateMonoMs === undefined && !echoes))
      this.#answer(pulse.author, how, now);
    const evidence = { envelope: pulse.evidence, header: pulse.header };
    if (pulse.header.goodbye) this.#onGoodbye(evidence, now);
    if (pulse.header.goodbye || pulse.header.pausedForMs !== undefined) {
      const subject = this.liveness.subject(pulse.author);
      if (subject !== undefined && pulse.author === from)
        this.liveness.statements.tell(from, "ack", subject);
    }
    this.#listener.pulse(pulse, result.dateMonoMs ?? this.#toldMonoMs(pulse, now), from, now);
  }

  /** Two fresh boots date each other sooner when each answers the other's first pulse out of turn. */
  #answer(author: NodeId, { isRelayed }: { readonly isRelayed: boolean }, now: Now): void {
    const { electorate } = this.liveness;
    const everyMs = this.#env.config.pulseEveryMs / 2;
    const { latest } = this.pulses;
    // Whoever it judges may not be among those who judge it, and would never hear a pulse that it could echo (rule PU8).
    if (electorate.isLarge && electorate.isDuty(author) && latest !== undefined)
      this.#env.out.send(author, "direct", latest);
    const isAsked = !isRelayed && electorate.isRecipient(author);
    if (!electorate.isLarge || isAsked) this.pulses.request(now, everyMs);
  }

  /** When a pulse was sent of a member that this node does not judge, for people: by the wall clocks, and proof of nothing. */
  #toldMonoMs({ author, header }: ValidPulse, now: Now): number | undefined {
    const { electorate } = this.liveness;
    if (!electorate.isLarge || electorate.isDuty(author)) return undefined;
    return now.monoMs - Math.max(0, now.wallMs - header.wallMs);
  }

  #onGoodbye(evidence: Evidence, now: Now): void {
    this.#listener.goodbye(evidence.envelope.author, evidence, now);
    this.liveness.onGoodbye(evidence, now);
  }

  #onHello(from: NodeId, bytes: Uint8Array, now: Now): void {
    const hello = openHello(this.#env, bytes, from);
    if (!hello.ok) return this.#listener.rejected(hello.code, from, now);
    const newest = hello.newestOfMine?.header;
    if (newest !== undefined) this.#onOwnKey(newest, from, now);
  }

  /** Whether one of these echoes names a pulse that this node sent a moment ago. */
  #answers(heard: readonly Heard[], now: Now): boolean {
    const ownShortId = shortIdOf(this.#env.identity.self);
    const echo = heard.find(({ shortId }) => shortId === ownShortId);
    return echo !== undefined && this.pulses.isRecent(echo, now);
  }

  /** Takes note of a pulse that shows that its author is alive twice; its twin hears of it by gossip, or when it connects (rule BK2). */
  #takeOlder(
    from: NodeId,
    bytes: Uint8Array,
    how: { readonly isRelayed: boolean },
    now: Now,
  ): boolean {
    const pulse = takeOlderPulse(
      this.#env,
      bytes,
      (author) => this.liveness.newestHeard(author),
      (heard) => this.#answers(heard, now),
    );
    if (pulse === undefined || (!how.isRelayed && pulse.author !== from)) return false;
    const subject = this.liveness.subject(pulse.author);
    if (subject?.pulseRate.admit(now.monoMs, PULSES_PER_SECOND_MAX) !== true) return false;
    subject.olderLife = { envelope: pulse.evidence, header: pulse.header };
    if (pulse.header.twin?.isProved === true) subject.twinMonoMs = now.monoMs;
    return true;
  }

  #onOwnKey(header: PulseHeader, from: NodeId, now: Now): void {
    this.#twins.onHeader(header, from, now);
    this.#proved(header, now);
  }

  /** Somebody holds this own pulse. */
  #proved(own: PulseName, now: Now): void {
    if (this.#provedOwn === undefined || comparePulseNames(own, this.#provedOwn) > 0)
      this.#provedOwn = { boot: own.boot, seq: own.seq };
    this.#bootAboveProved(now);
  }

  /** Asks for a boot above the proved pulse if this node is not above it; later if no boot is durable yet. */
  #bootAboveProved(now: Now): void {
    const proved = this.#provedOwn;
    if (proved === undefined || this.pulses.boot === 0) return;
    this.#provedOwn = undefined;
    if (comparePulseNames(proved, this.pulses) > 0) this.#listener.bootAbove(proved.boot, now);
  }

  /** Evidence of a pulse newer than any known: whether it is signed. Who was away learns by it who has left meanwhile (rule VE9). */
  #takes(evidence: Evidence, now: Now): boolean {
    if (!verifyEnvelope(this.#env, evidence.envelope)) return false;
    if (evidence.header.goodbye) this.#onGoodbye(evidence, now);
    return true;
  }

  #attachment(reach: PulseReach, now: Now): PulseAttachment {
    const heard = this.liveness.heard(now);
    const missing = this.liveness.missing();
    const usedBytes =
      PULSE_FRAME_BYTES +
      (heard.length + missing.length) * HEARD_ENTRY_BYTES +
      8 * HEAD_ENTRY_BYTES;
    const beatBytesMax = PULSE_BYTES_MAX - usedBytes;
    const parts = this.#listener.pulseParts(beatBytesMax, now, reach === "everybody");
    const sight = this.liveness.electorate.toldSight(now.monoMs);
    // Who is sent one every second knows it by the header of the author's chains (rule CH1).
    const agent = this.liveness.electorate.isLarge ? "" : this.#env.identity.agent;
    return { agent, heard, missing, sight, ...parts };
  }
}
