/**
 * Agreement and progress in large fleets (rule VE3): what {@link AgreementCheck} asks of every pair at every look would take longer than the
 * run. Here the board counts as minds change, one number a node says whether its view is right, and only where it is not are pairs looked at.
 */
import type { Fleet } from "../fleet/fleet.ts";
import { hashOfNodes, saysAlive } from "../fleet/status-board.ts";
import type { Check } from "./check.ts";
import { comesAndGoesUntilMs } from "./come-and-go.ts";
import { GrayLinks } from "./gray-links.ts";

/** What witnesses said last of who is heard in time again stands for 12 intervals. */
const GRAY_INTERVALS = 14;
/** Whatever is wrongly said of a node that lives and can be heard is over within this time, in intervals. */
const PASSING_INTERVALS = 5;
/**
 * With nothing happening for so long everybody knows of everybody: a node listens for 20 intervals before it says anything of those whom it does
 * not judge itself (rule PU8), and may lose sight of the others once on the way, after which it listens for 12.
 */
const SETTLED_INTERVALS = 34;
const LOOK_EVERY_MS = 1_000;

export interface FleetAgreementOptions {
  /** Multiplies the limits. @default 1 */
  readonly patience?: number | undefined;
}

export class FleetAgreementCheck implements Check {
  readonly #fleet: Fleet;
  readonly #intervalMs: number;
  readonly #gray: GrayLinks;
  readonly #reported = new Set<string>();
  #nextLookMs = LOOK_EVERY_MS;
  /** Not measured here; see {@link AgreementCheck}. */
  readonly worstDisagreementMs: undefined = undefined;

  constructor(fleet: Fleet, options: FleetAgreementOptions = {}) {
    this.#fleet = fleet;
    this.#gray = new GrayLinks(fleet);
    this.#intervalMs = fleet.pulseEveryMs * (options.patience ?? 1);
  }

  sample(): void {
    const { nowMs, nodes, truth, hostile, board } = this.#fleet;
    if (nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + LOOK_EVERY_MS;
    const away = nodes.flatMap(({ index }) => (truth.isLive(index) ? [] : index));
    const awayHash = hashOfNodes(away);
    const dead = away.filter((index) => truth.hasStarted(index) && !truth.hasLeft(index));
    const deadHash = hashOfNodes(dead);
    const isSettled =
      truth.isOnePiece && nowMs - truth.changedMs > SETTLED_INTERVALS * this.#intervalMs;
    for (const { index } of nodes) {
      if (!truth.isLive(index) || hostile.has(index)) continue;
      if (board.downHash(index) !== 0 && board.downHash(index) !== deadHash)
        this.#checkDowns(index);
      if (isSettled && board.awayHash(index) !== awayHash) this.#checkSettled(index);
    }
  }

  #checkDowns(viewer: number): void {
    const { board, nodes, nowMs, truth } = this.#fleet;
    for (const { index: subject } of nodes) {
      const { status, sinceMs } = board.get(viewer, subject);
      if (status !== "down" || !truth.isLive(subject)) continue;
      const forMs = nowMs - Math.max(sinceMs, truth.togetherSinceMs(viewer, subject));
      if (forMs > PASSING_INTERVALS * this.#intervalMs)
        this.#report(viewer, subject, `down of a node that lives and is in reach for ${forMs} ms`);
    }
  }

  #checkSettled(viewer: number): void {
    const { nodes, nowMs, truth } = this.#fleet;
    for (const { index: subject } of nodes) {
      if (subject === viewer || truth.hasLeft(subject)) continue;
      const entry = this.#fleet.statusOf(viewer, subject);
      // Three pulses that a stream brought late are a suspicion, which passes.
      const isPassing = nowMs - entry.sinceMs <= PASSING_INTERVALS * this.#intervalMs;
      if (isPassing || saysAlive(entry) === truth.isLive(subject)) continue;
      if (
        this.#gray.isGray(subject, GRAY_INTERVALS) &&
        truth.isLive(subject) &&
        entry.status !== "down"
      )
        continue;
      const awayUntilMs = comesAndGoesUntilMs(this.#fleet, viewer, subject) ?? 0;
      if (nowMs - awayUntilMs <= PASSING_INTERVALS * this.#intervalMs) continue;
      const how = truth.isLive(subject) ? "lives" : "is dead";
      this.#report(viewer, subject, `${entry.status} (${entry.reason ?? "-"}) where it ${how}`);
    }
  }

  #report(viewer: number, subject: number, text: string): void {
    const { truth } = this.#fleet;
    const key = `${subject}/${truth.liveSinceMs(subject)}/${truth.deadSinceMs(subject)}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#fleet.report("VE3", `node ${viewer} says of node ${subject}: ${text}`);
  }
}
