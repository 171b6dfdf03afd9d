/**
 * Everything one node knows about the life of one other node: its pulses and their dates, what the witnesses say of it, the own
 * accusation and the verdict that stands. Pure data with the questions that the rules ask of it; decisions are made elsewhere
 * (`accuse.ts` as a witness, `verdict.ts` as a reader).
 */
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { CommitId } from "../input.ts";
import type { Now } from "../now.ts";
import { Dating } from "../pulse/dating.ts";
import { shortIdOf, type PulseAttachment } from "../pulse/pulse-codec.ts";
import type { NodeReason, Status } from "../view/status.ts";
import type { AuthorTrack } from "./author-track.ts";
import type { ElectorateFacts } from "./electorate-facts.ts";
import type { Evidence, ObservationKind } from "./observation-codec.ts";
import {
  FLAP_CLEAN_MS,
  FLAP_WINDOW_MS,
  IN_SIGHT_INTERVALS,
  JITTER_INTERVALS_MAX,
  SILENCE_INTERVALS,
  START_UP_INTERVALS,
  TWIN_SHOWN_INTERVALS,
} from "./rules.ts";
import { LossWindow } from "./loss-window.ts";
import { RateWindow } from "../rate-window.ts";

/** No pulse of the subject is known to exist. */
export const NO_PULSE: PulseName = { boot: 0, seq: 0 };

/** A standing accusation (or `up`) of one witness, as this node received it. */
export interface Opinion {
  readonly name: PulseName;
  /** When this witness first named this pulse. */
  readonly namedMonoMs: number;
  /** When it last said so. */
  seenMonoMs: number;
}

/** This node's own standing accusation. */
export interface OwnAccusation {
  readonly name: PulseName;
  /** The commit that holds its audit entry (rule DU2); undefined where nothing is kept. */
  readonly commit: CommitId | undefined;
  /** Since when it is known to be out: repeats are counted from there. */
  sinceMonoMs: number;
  /** Repeats already sent (rule VE3). */
  repeats: number;
  restatedMonoMs: number;
}

/** A verdict that stands (rule VE3, latched). */
export interface Latch {
  readonly name: PulseName;
  readonly atMonoMs: number;
  readonly atWallMs: number;
  readonly accusers: readonly NodeId[];
  /** Who had a say at that moment: rosters and regions that are in reach change while it stands. */
  readonly electorate: ElectorateFacts;
  readonly singleWitness: boolean;
  majoritySeenMonoMs: number;
  /** When a witness last held an accusation upright, as far as this node heard. */
  saidMonoMs: number;
}

export class Subject {
  readonly node: NodeId;
  readonly shortId: string;
  readonly dating: Dating = new Dating();
  readonly loss: LossWindow = new LossWindow();
  /** How often this node's flips are written to the audit log. */
  readonly auditRate: RateWindow = new RateWindow();
  readonly pulseRate: RateWindow = new RateWindow();
  /** Which of its observations were taken; undefined before the first. */
  track: AuthorTrack | undefined;
  readonly accusations: Map<NodeId, Opinion> = new Map();
  readonly ups: Map<NodeId, Opinion> = new Map();
  /** Witnesses that do not hear it, and see no majority by which they could accuse it (rule VE2). */
  readonly unknowns: Map<NodeId, Opinion> = new Map();
  /** Witnesses that say that they miss too many of its pulses (rule PU7, in fleets where they do not hear each other). */
  readonly losses: Map<NodeId, Opinion> = new Map();
  /** Witnesses that say that all its pulses come too late to show that it lives (rules PU7, PU8). */
  readonly delays: Map<NodeId, Opinion> = new Map();
  intervalMs: number;
  /** Pulses in a row that announced a longer interval (rule PU1). */
  longerAnnounced: number = 0;
  /** Newest pulse known to exist, with its signed header. */
  known: Evidence | undefined;
  knownMonoMs: number = 0;
  /** The newest pulse of it that was passed on by gossip. */
  passedOn: PulseName = NO_PULSE;
  /** The later of own start, the member's joining and the end of an own stall: silence before it says nothing (rules VE8, PU6). */
  baseMonoMs: number;
  datedSinceBase: boolean = false;
  /** Until then it is not judged unless it was heard, as it may not know yet that this node is its witness (rule PU8). */
  listenUntilMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The end of a planned absence (rule VE9). */
  pausedUntilMonoMs: number | undefined;
  /** The pulse that announced it. */
  #pausedBy: PulseName = NO_PULSE;
  /** For how long it may be silent, as it says itself (rule VE9). */
  mayBeOfflineMs: number | undefined;
  /** When it was heard last before this boot or, where that is unknown, since when it is followed. */
  seenBeforeMonoMs: number;
  /** The value of {@link seenMonoMs} that is on disk; undefined where that is a later one. */
  savedMonoMs: number | undefined;
  own: OwnAccusation | undefined;
  /** The pulse of the last own accusation that has ended, until this node has heard the subject again and said so. */
  accusedName: PulseName | undefined;
  objectedRunning: number = 0;
  objectedAtMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The last time that a witness, this one included, vouched for a pulse of it, and for which. */
  answer: { readonly name: PulseName; readonly atMonoMs: number } | undefined;
  /** When this node last would have accused it in a large fleet, and saw no majority. */
  unsureMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The last time that somebody showed a newer pulse of it, inside its deadline by this node's own dates. */
  shownMonoMs: number = Number.NEGATIVE_INFINITY;
  /** When it was last told what stands because it began anew. */
  greetedMonoMs: number = Number.NEGATIVE_INFINITY;
  /** When an own pulse echoed it last. */
  echoedMonoMs: number = Number.NEGATIVE_INFINITY;
  /** Own `up` statements still to be restated. */
  upRestates: number = 0;
  upStatedMonoMs: number = Number.NEGATIVE_INFINITY;
  /** When this node last said that it misses too many of its pulses. */
  lossStatedMonoMs: number = Number.NEGATIVE_INFINITY;
  /** When this node last said that they all come too late. */
  delayStatedMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The pulse by which it was last judged down; an `up` with a later one says that it came back from that. */
  downName: PulseName = NO_PULSE;
  latch: Latch | undefined;
  reversalsMonoMs: number[] = [];
  /** When it last said in a live pulse that another process has its key (rule BK1). */
  twinMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The newest pulse of an older boot that answered this node a moment ago. */
  olderLife: Evidence | undefined;
  /** What the subject, as a witness, said in its newest pulse. */
  says: PulseAttachment | undefined;
  /** Whether its newest pulse says that it was away and doubts itself (rule PU6). */
  doubts: boolean = false;
  /** When to look at it again, unless something happens to it before. */
  lookMonoMs: number = Number.NEGATIVE_INFINITY;
  /** The date of that pulse. A later header that came as evidence makes the subject live, and its older words no younger. */
  saysDateMonoMs: number | undefined;
  status: Status = "unknown";
  reason: NodeReason | undefined = "not-heard";
  sinceWallMs: number;
  sinceMonoMs: number;

  constructor(
    node: NodeId,
    intervalMs: number,
    base: { readonly monoMs: number; readonly wallMs: number },
  ) {
    this.node = node;
    this.shortId = shortIdOf(node);
    this.intervalMs = intervalMs;
    this.baseMonoMs = base.monoMs;
    this.seenBeforeMonoMs = base.monoMs;
    this.sinceMonoMs = base.monoMs;
    this.sinceWallMs = base.wallMs;
  }

  /** The newest (boot, seq) known to exist. */
  get newestName(): PulseName {
    const heard = this.dating.newest ?? NO_PULSE;
    const known =
      this.known === undefined
        ? NO_PULSE
        : { boot: this.known.header.boot, seq: this.known.header.seq };
    return comparePulseNames(heard, known) > 0 ? heard : known;
  }

  /** Where the witnesses' opinions of a kind are kept. */
  opinions(kind: ObservationKind): Map<NodeId, Opinion> | undefined {
    if (kind === "accuse") return this.accusations;
    if (kind === "lossy") return this.losses;
    if (kind === "delayed") return this.delays;
    if (kind === "unknown") return this.unknowns;
    return kind === "up" ? this.ups : undefined;
  }

  /** A witness says no more that it does not hear it, or too late. */
  forgetSilence(witness: NodeId): void {
    this.accusations.delete(witness);
    this.unknowns.delete(witness);
    this.delays.delete(witness);
  }

  /** Whether any witness says anything of it, this node included. */
  get isSpokenOf(): boolean {
    return (
      this.own !== undefined ||
      this.latch !== undefined ||
      this.accusations.size + this.unknowns.size + this.ups.size > 0 ||
      this.losses.size + this.delays.size > 0
    );
  }

  /** Whether somebody accuses it by the newest pulse that is known; what was said by an earlier one is over. */
  get isAccused(): boolean {
    return this.#isNamedBy(this.accusations);
  }

  /** Whether a witness does not hear it: it accuses it by the newest pulse that is known, or would if it saw a majority. */
  get isMissed(): boolean {
    return this.isAccused || this.#isNamedBy(this.unknowns);
  }

  #isNamedBy(opinions: ReadonlyMap<NodeId, Opinion>): boolean {
    if (opinions.size === 0) return false;
    const { newestName } = this;
    for (const { name } of opinions.values())
      if (comparePulseNames(name, newestName) === 0) return true;
    return false;
  }

  /** How long silence may last: 3.2 intervals and what was learned of the subject's jitter. */
  get patienceMs(): number {
    return (
      SILENCE_INTERVALS * this.intervalMs +
      Math.min(this.dating.jitterMs, JITTER_INTERVALS_MAX * this.intervalMs)
    );
  }

  /** Since when the subject is silent, on this node's monotonic clock. */
  get silentSinceMonoMs(): number {
    const startUpMonoMs = Math.max(
      this.baseMonoMs + START_UP_INTERVALS * this.intervalMs,
      this.listenUntilMonoMs,
    );
    const dated = this.datedSinceBase ? this.dating.newestDate : undefined;
    let sinceMonoMs = dated?.dateMonoMs ?? startUpMonoMs;
    const datedBoot = dated?.name.boot ?? 0;
    const newest = this.dating.newest;
    // A newer boot that stays undated counts as silent from its last arrival (rule PU4).
    if (newest !== undefined && newest.boot > datedBoot) {
      sinceMonoMs = Math.max(
        sinceMonoMs,
        Math.max(this.baseMonoMs, this.dating.newestArrivalMonoMs),
      );
    } else if (this.known !== undefined && this.known.header.boot > datedBoot) {
      sinceMonoMs = Math.max(sinceMonoMs, this.knownMonoMs);
    }
    return Math.max(sinceMonoMs, this.pausedUntilMonoMs ?? Number.NEGATIVE_INFINITY);
  }

  /** When its silence is longer than that of a live node. */
  get overdueMonoMs(): number {
    return this.silentSinceMonoMs + this.patienceMs;
  }

  /** The last sign of life that is known of, over restarts of this node. */
  get seenMonoMs(): number {
    return Math.max(this.seenBeforeMonoMs, this.dating.newestDate?.dateMonoMs ?? -Infinity);
  }

  /** From when on this node may accuse. */
  get deadlineMonoMs(): number {
    const { mayBeOfflineMs, overdueMonoMs } = this;
    return mayBeOfflineMs === undefined
      ? overdueMonoMs
      : Math.max(overdueMonoMs, this.seenMonoMs + mayBeOfflineMs);
  }

  /** It is silent, and may be (rule VE9). */
  isAllowedAway(nowMonoMs: number): boolean {
    return this.overdueMonoMs < nowMonoMs && nowMonoMs <= this.deadlineMonoMs;
  }

  /** Whether the newest dated pulse, received in this boot and since any own stall, is inside its deadline. */
  isFresh(nowMonoMs: number): boolean {
    const date = this.dating.newestDate;
    return (
      this.datedSinceBase && date !== undefined && nowMonoMs - date.dateMonoMs <= this.patienceMs
    );
  }

  /** Whether the subject counts for this node's majority (rule VE2). */
  isInSight(nowMonoMs: number, withinIntervals: number = IN_SIGHT_INTERVALS): boolean {
    const date = this.dating.newestDate;
    return (
      this.datedSinceBase &&
      date !== undefined &&
      nowMonoMs - date.dateMonoMs <= withinIntervals * this.intervalMs
    );
  }

  /** What the subject says as a witness, while that is recent enough to count (rule VE2). */
  wordAt(nowMonoMs: number): PulseAttachment | undefined {
    const date = this.saysDateMonoMs;
    const isRecent = date !== undefined && nowMonoMs - date <= IN_SIGHT_INTERVALS * this.intervalMs;
    return isRecent ? this.says : undefined;
  }

  /** When its newest pulse arrived, dated or not; before any, since when it is followed. */
  get heardMonoMs(): number {
    return Math.max(this.baseMonoMs, this.dating.newestArrivalMonoMs);
  }

  /**
   * Pulses go on arriving, but so late that the next one would come past the deadline (rule PU7). A last pulse that was merely slow
   * does not make a stream: what follows it is silence.
   */
  isDelayed(nowMonoMs: number): boolean {
    const { newestArrivalMonoMs, newestDate, isDated } = this.dating;
    if (!this.datedSinceBase || !isDated || newestDate === undefined) return false;
    const lateMs = newestArrivalMonoMs - newestDate.dateMonoMs;
    return (
      lateMs + this.intervalMs > this.patienceMs &&
      nowMonoMs - newestArrivalMonoMs <= this.patienceMs
    );
  }

  /** Pulses arrive, but this boot of the subject has not proved to be live. */
  isUndated(nowMonoMs: number): boolean {
    const newest = this.dating.newest;
    return (
      newest !== undefined &&
      !this.dating.isDated &&
      nowMonoMs - this.dating.newestArrivalMonoMs <= this.patienceMs
    );
  }

  /** A longer interval counts once three pulses have announced it, a shorter one at once (rule PU1). Says whether another one counts now. */
  adoptInterval(announcedMs: number, isNewBoot: boolean): boolean {
    const isLonger = announcedMs > this.intervalMs && !isNewBoot;
    this.longerAnnounced = isLonger ? this.longerAnnounced + 1 : 0;
    if (announcedMs === this.intervalMs || (isLonger && this.longerAnnounced < 3)) return false;
    this.longerAnnounced = 0;
    this.intervalMs = announcedMs;
    return true;
  }

  isPaused(nowMonoMs: number): boolean {
    return this.pausedUntilMonoMs !== undefined && nowMonoMs < this.pausedUntilMonoMs;
  }

  /** The subject went down and came back twice within ten minutes, the last time less than a minute ago (rule PU7). */
  isFlapping(nowMonoMs: number): boolean {
    if (this.reversalsMonoMs.length < 2) return false;
    const recent = this.reversalsMonoMs.filter(
      (atMonoMs) => nowMonoMs - atMonoMs <= FLAP_WINDOW_MS,
    );
    const last = recent.at(-1);
    return recent.length >= 2 && last !== undefined && nowMonoMs - last < FLAP_CLEAN_MS;
  }

  /** Whether it says that it is alive twice. */
  isTwin(nowMonoMs: number): boolean {
    return nowMonoMs - this.twinMonoMs <= TWIN_SHOWN_INTERVALS * this.intervalMs;
  }

  /** Takes a verified header as known to exist if it is the newest; says whether it was. */
  learn(evidence: Evidence, now: Now): boolean {
    const { header } = evidence;
    if (this.known !== undefined && comparePulseNames(header, this.known.header) <= 0) return false;
    if (this.known === undefined || header.boot !== this.known.header.boot)
      this.knownMonoMs = now.monoMs;
    this.known = evidence;
    if (header.pausedForMs === undefined) {
      // Hardly any pulse follows an absence: the others are not dated once more for it.
      if (this.pausedUntilMonoMs !== undefined) {
        const isDated = this.dating.dateEvidence(header, now.monoMs) !== undefined;
        this.endAbsence(header, isDated, now.monoMs);
      }
    } else {
      // Whoever cannot date it goes by its wall clock: else an absence would begin anew with every node that starts and is told of it.
      const dateMonoMs =
        this.dating.dateEvidence(header, now.monoMs) ??
        now.monoMs - Math.max(0, now.wallMs - header.wallMs);
      this.pausedUntilMonoMs = dateMonoMs + header.pausedForMs;
      this.#pausedBy = { boot: header.boot, seq: header.seq };
    }
    return true;
  }

  /**
   * A pulse that announces no absence: it ends one that was announced before it (rule VE9). One of a newer boot does so once it is dated, for until
   * then it proves no life, and whoever comes back in time would be `unknown` for as long as that takes; but not for longer than it may
   * take: who never dates it must not call it paused when all others say that it died again.
   */
  endAbsence(name: PulseName, isDated: boolean, nowMonoMs: number): void {
    if (this.pausedUntilMonoMs === undefined || comparePulseNames(name, this.#pausedBy) <= 0)
      return;
    if (isDated || name.boot === this.#pausedBy.boot) this.pausedUntilMonoMs = undefined;
    else {
      const soonMonoMs = nowMonoMs + IN_SIGHT_INTERVALS * this.intervalMs;
      this.pausedUntilMonoMs = Math.min(this.pausedUntilMonoMs, soonMonoMs);
    }
  }
}
