/**
 * Agreement and progress (rules VE2, VE3, VE8): honest nodes that can reach each other and are a majority say the same of everybody
 * within three seconds, and nothing is stuck: no `down` of a live node, no `unknown` for ever.
 */
import type { Status } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import { saysAlive, type BoardEntry } from "../fleet/status-board.ts";
import type { Check } from "./check.ts";
import { comesAndGoesUntilMs } from "./come-and-go.ts";
import { GrayLinks } from "./gray-links.ts";
import { RegionTruth } from "./region-truth.ts";

/** Nodes that can reach each other agree within so many intervals, whatever has happened: 3 s at one pulse a second. */
/** What stands is said again so often. */
const RESTATE_INTERVALS = 5;
/** In a large fleet it takes so long until nobody answers for a node that is silent. */
const ANSWERED_INTERVALS = 2.2;
const AGREE_INTERVALS = 3;

/** How long each state may take to be recognised, in intervals. */
const LIMITS = {
  /** Two live nodes in reach of each other see each other alive. */
  alive: 3,
  /** The dead are found dead: the goal is 4.0 at the 99th percentile, 4.9 at worst in small lossy fleets. */
  dead: 5,
  /** A node that came when everybody who knew was gone waits its start-up grace first. */
  deadToNewcomers: 10 + 5,
  /** A side without a majority forgets a verdict after 12 intervals, and doubts at once. */
  unknown: 12 + 5,
} as const;

/** In a fleet where most are judged by others, a node sees a majority, then listens for 20 intervals before it says anything of those (rule PU8). */
const LARGE_FLEET_NODES = 33;
const LISTEN_INTERVALS = 25;
/** When a region is heard again: eight, and up to seven in which a node that judges nobody there hears of it. */
const LISTEN_AGAIN_INTERVALS = 15;

export interface AgreementOptions {
  /** Multiplies every limit, for networks worse than the protocol's promises. @default 1 */
  readonly patience?: number | undefined;
}

export class AgreementCheck implements Check {
  readonly #fleet: Fleet;
  readonly #patience: number;
  readonly #regions: RegionTruth;
  /** Per viewer and subject: since when the viewer is alone, or one of few, with its opinion. */
  readonly #dissentSinceMs: Float64Array;
  /** What the others said then: when they change their mind together, a dissenter has time again. */
  readonly #dissentFrom = new Map<number, string>();
  readonly #reported = new Set<string>();
  readonly #gray: GrayLinks;
  /** When the fleet became so large that a node is judged by a few: everybody begins to listen then. */
  #largeSinceMs = Number.NEGATIVE_INFINITY;
  /** The longest that a node of a majority dissented from it, in ms. */
  worstDisagreementMs = 0;

  constructor(fleet: Fleet, options: AgreementOptions = {}) {
    this.#fleet = fleet;
    this.#regions = new RegionTruth(fleet);
    this.#gray = new GrayLinks(fleet);
    this.#patience = options.patience ?? 1;
    this.#dissentSinceMs = new Float64Array(fleet.nodes.length ** 2).fill(Number.POSITIVE_INFINITY);
  }

  sample(): void {
    const { nodes, nowMs, truth } = this.#fleet;
    const isLarge = truth.roster >= LARGE_FLEET_NODES;
    if (!isLarge) this.#largeSinceMs = Number.NEGATIVE_INFINITY;
    else if (this.#largeSinceMs === Number.NEGATIVE_INFINITY) this.#largeSinceMs = nowMs;
    this.#regions.look();
    for (const subject of nodes) {
      if (!truth.hasStarted(subject.index) || truth.hasLeft(subject.index)) continue;
      const viewers = this.#viewersOf(subject.index);
      // Of a newcomer its witnesses know first, and the others once they have listened.
      if (this.#listenMs === 0 || nowMs - truth.startedMs(subject.index) > this.#listenMs)
        this.#checkAgreement(viewers, subject.index);
      for (const viewer of viewers) this.#checkProgress(viewer, subject.index);
    }
  }

  /** Live honest nodes that have a view of a subject. */
  #viewersOf(subject: number): readonly number[] {
    const { nodes, truth, hostile } = this.#fleet;
    return nodes
      .map(({ index }) => index)
      .filter(
        (index) =>
          index !== subject && truth.isLive(index) && !hostile.has(index) && !truth.hasLeft(index),
      );
  }

  #checkAgreement(viewers: readonly number[], subject: number): void {
    const { nodes, truth } = this.#fleet;
    const asked = this.#decidedMs(subject) <= this.#fleet.nowMs ? viewers : [];
    const all = asked.filter(
      (viewer) =>
        truth.hasMajority(viewer) &&
        this.#isSettledIn(viewer) &&
        // Who has counted fewer returns calls the dead `down` sooner: a node that has just started counted none.
        comesAndGoesUntilMs(this.#fleet, viewer, subject) === undefined &&
        this.#regionKnownMs(viewer, subject) <= this.#fleet.nowMs,
    );
    // Of nodes that hear only one way nothing is asked here; two majorities there cannot be.
    const first = all.toSorted((a, b) => truth.reach(b).length - truth.reach(a).length)[0];
    const inReach = new Set(first === undefined ? [] : truth.reach(first));
    const votes = new Map<string, number>();
    for (const viewer of inReach) {
      const opinion = opinionOf(this.#fleet.statusOf(viewer, subject));
      if (all.includes(viewer)) votes.set(opinion, (votes.get(opinion) ?? 0) + 1);
    }
    const [common] = [...votes].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? [];
    for (const { index: viewer } of nodes) {
      const pair = viewer * nodes.length + subject;
      const dissents =
        inReach.has(viewer) &&
        all.includes(viewer) &&
        opinionOf(this.#fleet.statusOf(viewer, subject)) !== common;
      if (!dissents) this.#dissentSinceMs[pair] = Number.POSITIVE_INFINITY;
      else this.#dissent(viewer, { subject, pair, common: common ?? "nothing" });
    }
  }

  #dissent(
    viewer: number,
    about: { readonly subject: number; readonly pair: number; readonly common: string },
  ): void {
    const { board, nowMs } = this.#fleet;
    const { subject, pair, common } = about;
    if (this.#dissentFrom.get(pair) !== about.common) {
      this.#dissentFrom.set(pair, about.common);
      this.#dissentSinceMs[pair] = nowMs;
    }
    this.#dissentSinceMs[pair] = Math.min(this.#dissentSinceMs[pair] as number, nowMs);
    const sinceMs = this.#dissentSinceMs[pair] as number;
    const forMs = nowMs - sinceMs;
    this.worstDisagreementMs = Math.max(this.worstDisagreementMs, forMs);
    // Whoever missed the announcement of an absence learns of it when it accuses.
    const isAnnounced = about.common === "paused" || about.common === "left";
    // A node that has just come cannot date the announcement, and says that it does not know (rule PU5).
    // What it says when the subject is back begins anew: it may well be the first to know.
    if (isAnnounced && this.#fleet.statusOf(viewer, subject).status === "unknown") {
      this.#dissentSinceMs[pair] = Number.POSITIVE_INFINITY;
      return;
    }
    const intervals = isAnnounced ? LIMITS.dead : AGREE_INTERVALS;
    if (forMs <= intervals * this.#fleet.pulseEveryMs * this.#patience) return;
    const { status, reason } = board.get(viewer, subject);
    const text = `node ${viewer} says ${status} (${reason ?? "-"}) of node ${subject} for ${Math.round(forMs)} ms where the others say ${common}`;
    this.#reportOnce(`agree/${subject}/${sinceMs}`, "VE3", text);
  }

  /** How long a node listens before it speaks of those that it does not judge itself. */
  get #listenMs(): number {
    const { truth, pulseEveryMs } = this.#fleet;
    return truth.roster < LARGE_FLEET_NODES ? 0 : LISTEN_INTERVALS * pulseEveryMs;
  }

  /** A node that has just come to the majority is given the time that it has to agree. */
  #isSettledIn(viewer: number): boolean {
    const { nowMs, truth } = this.#fleet;
    const sinceMs = Math.max(truth.liveSinceMs(viewer), truth.majorityChangedMs(viewer));
    return nowMs - sinceMs > 100 + this.#listenMs;
  }

  #checkProgress(viewer: number, subject: number): void {
    const { truth, nowMs } = this.#fleet;
    const entry = this.#fleet.statusOf(viewer, subject);
    const togetherSinceMs = truth.togetherSinceMs(viewer, subject);
    if (togetherSinceMs !== Number.POSITIVE_INFINITY)
      return this.#checkAlive(viewer, subject, togetherSinceMs);
    const awaySinceMs = truth.isLive(subject)
      ? Math.max(truth.apartSinceMs(viewer, subject), truth.startedMs(subject))
      : truth.deadSinceMs(subject);
    // Of a region that is silent as a whole nobody can tell who is dead in it; its nodes are unknown, and that may have been said before.
    const isRegionAway = this.#regions.isAway(viewer, subject);
    if (isRegionAway && entry.status === "unknown") return;
    const majoritySinceMs = truth.majorityChangedMs(viewer);
    if (!truth.hasMajority(viewer) && truth.roster > 2) {
      const sinceMs = Math.max(awaySinceMs, majoritySinceMs, truth.liveSinceMs(viewer));
      const isAnnounced = entry.status === "paused" || entry.status === "left";
      // Whoever has most of those in sight whose regions it hears judges them.
      const isJudged = entry.status === "down" && this.#regions.hasMajority(viewer);
      if (entry.status !== "unknown" && !isAnnounced && !isJudged)
        this.#expect(viewer, subject, { word: "unknown", sinceMs, rule: "VE2" });
      return;
    }
    if (entry.status === "down" || entry.status === "paused" || entry.status === "left") return;
    if (!this.#canBeJudged(viewer)) return;
    const newcomerSinceMs = Math.max(truth.liveSinceMs(viewer), ...this.#reachChangedMs(viewer));
    const isNewcomer = newcomerSinceMs > awaySinceMs;
    const regionSinceMs = Math.max(
      this.#regions.awayUntilMs(viewer, subject),
      this.#undecidedUntilMs(subject, entry.status),
    );
    const sinceMs = Math.max(
      awaySinceMs,
      majoritySinceMs,
      newcomerSinceMs,
      regionSinceMs,
      comesAndGoesUntilMs(this.#fleet, viewer, subject) ?? 0,
    );
    if (nowMs - sinceMs < 0) return;
    this.#expect(viewer, subject, {
      word: isNewcomer ? "deadToNewcomers" : "dead",
      sinceMs,
      rule: "VE3",
    });
  }

  /** Two that are together since then see each other alive. */
  #checkAlive(viewer: number, subject: number, togetherSinceMs: number): void {
    const { truth } = this.#fleet;
    const entry = this.#fleet.statusOf(viewer, subject);
    // Three pulses lost in a row are silence. A majority has others to vouch for the silent one; without it, and where links stand
    // still for seconds, two nodes with one link between them lose sight of each other now and then.
    const isAlone = !truth.hasMajority(viewer) && truth.roster > 2;
    // Without one, nor a majority of the regions that it hears, a node of a large fleet knows nothing of those that others judge (rule PU8).
    const isAtALoss = isAlone && this.#listenMs > 0 && !this.#regions.hasMajority(viewer);
    if (isAtALoss && entry.status === "unknown") return;
    const blinks = isAlone || this.#fleet.network.links.model.stallEveryMs > 0;
    const blinkMs = blinks ? entry.sinceMs : 0;
    // Who has come back to the majority may have lost those pulses while nobody could vouch: from then on it is asked.
    const vouchedSinceMs = entry.status === "unknown" ? truth.majorityChangedMs(viewer) : 0;
    const disturbedMs = Math.max(truth.disturbedMs(viewer), truth.disturbedMs(subject));
    const listenedMs =
      Math.max(
        truth.liveSinceMs(viewer),
        truth.majorityChangedMs(viewer),
        this.#largeSinceMs,
        truth.startedMs(subject),
      ) + this.#listenMs;
    const knownMs = Math.max(togetherSinceMs, this.#listenMs === 0 ? 0 : listenedMs);
    const sinceMs = Math.max(
      knownMs,
      disturbedMs,
      blinkMs,
      vouchedSinceMs,
      this.#regionKnownMs(viewer, subject),
    );
    // Who loses or delays what it sends may be late, or unknown as its pulses prove no life (rule PU7); that is no death.
    const isLate = this.#gray.isGray(subject) && entry.status !== "down";
    if (!saysAlive(entry) && !isLate)
      this.#expect(viewer, subject, { word: "alive", sinceMs, rule: "VE3" });
  }

  /** Of a region that was out of reach, a node of a large fleet says nothing of those it does not judge itself before it has listened again. */
  #regionKnownMs(viewer: number, subject: number): number {
    const { pulseEveryMs } = this.#fleet;
    const againMs = this.#listenMs === 0 ? 0 : LISTEN_AGAIN_INTERVALS * pulseEveryMs;
    return this.#regions.awayUntilMs(viewer, subject) + againMs;
  }

  /** Once the cut is over its region's word is heard again, and that is said again every five intervals. */
  #decidedMs(subject: number): number {
    const untilMs = this.#regions.undecidedUntilMs(subject);
    return untilMs + (LISTEN_AGAIN_INTERVALS + RESTATE_INTERVALS) * this.#fleet.pulseEveryMs;
  }

  /** Who may be beyond a cut instead of dead is held for either, but is not shown up once an accusation of it stands unanswered. */
  #undecidedUntilMs(subject: number, status: Status): number {
    const { pulseEveryMs, truth } = this.#fleet;
    const untilMs = this.#regions.undecidedUntilMs(subject);
    const answeredMs = truth.deadSinceMs(subject) + ANSWERED_INTERVALS * pulseEveryMs;
    return status === "up" ? Math.min(untilMs, answeredMs) : untilMs;
  }

  /** Enough honest witnesses are in reach of each other to accuse. */
  #canBeJudged(viewer: number): boolean {
    const { truth, hostile } = this.#fleet;
    const honest = truth.reach(viewer).filter((index) => !hostile.has(index)).length;
    const quorum = truth.roster === 2 ? 1 : Math.min(3, Math.floor(truth.roster / 2) + 1);
    return honest >= quorum;
  }

  /** When those that a node can reach came into its reach. */
  #reachChangedMs(viewer: number): readonly number[] {
    const { truth } = this.#fleet;
    return truth
      .reach(viewer)
      .map((other) => (other === viewer ? 0 : truth.togetherSinceMs(viewer, other)));
  }

  #expect(
    viewer: number,
    subject: number,
    expected: {
      readonly word: keyof typeof LIMITS;
      readonly sinceMs: number;
      readonly rule: string;
    },
  ): void {
    const { board, nowMs, pulseEveryMs } = this.#fleet;
    const limitMs = LIMITS[expected.word] * pulseEveryMs * this.#patience;
    const forMs = nowMs - expected.sinceMs;
    if (forMs <= limitMs) return;
    const { status, reason } = board.get(viewer, subject);
    const text = `node ${viewer} says ${status} (${reason ?? "-"}) of node ${subject}; ${expected.word} was due ${Math.round(forMs - limitMs)} ms ago`;
    this.#reportOnce(
      `${viewer}/${subject}/${expected.word}/${expected.sinceMs}`,
      expected.rule,
      text,
    );
  }

  #reportOnce(key: string, rule: string, text: string): void {
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#fleet.report(rule, text);
  }
}

/** Statuses that mean the same for agreement. */
function opinionOf(entry: BoardEntry): string {
  return saysAlive(entry) ? "alive" : entry.status;
}
