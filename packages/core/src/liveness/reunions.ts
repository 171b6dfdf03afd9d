/**
 * Who was away and is back (rule PU8, ADR 0032): what happened to robots is gossiped once, and whoever was out of reach then would go by what it knew
 * until the home's next turn, which in a large fleet may be half an hour away.
 *
 * So whoever has something to say that is no older than the absence says it again: those who have nothing to say are silent, and a heal costs
 * as much as has happened meanwhile. Said twice, a few intervals apart, as the ways there are just being made; at moments of each node's own, so that the fleet
 * does not speak with one voice, and in {@link SLOT_INTERVALS} once at most, so that a link that comes and goes costs little.
 * A member that has begun anew is none of these: it has forgotten everything, and hears it in turn (`spread-turns.ts`).
 */
import type { Boot, NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { RegionChange } from "./regions.ts";
import { SPREAD_PULSES } from "./spread-turns.ts";
import type { Subject } from "./subject.ts";

/** What has happened is said again at most once in so many intervals. */
const SLOT_INTERVALS = 3;
/** How often after each return. */
const TELLINGS = 2;
/** An absence may have begun so long before it was noticed. */
export const UNNOTICED_INTERVALS: number = 12;

/** Whoever is no member is missed by nobody: of those who come and go nothing is kept (promise P6). */
type AwaySubject = Pick<Subject, "node" | "status" | "newestName"> & { readonly isMember: boolean };

export class Reunions {
  readonly #pulseEveryMs: number;
  readonly #away = new Map<NodeId, { readonly sinceMonoMs: number; readonly boot: Boot }>();
  /** Since when this node itself sees no majority, after it saw one. */
  #aloneMonoMs: number | undefined;
  #hadMajority = false;
  /** Since when something is to be said again, how often, and when next. */
  #sinceMonoMs = Number.POSITIVE_INFINITY;
  #left = 0;
  #nextMonoMs = Number.POSITIVE_INFINITY;

  constructor(pulseEveryMs: number) {
    this.#pulseEveryMs = pulseEveryMs;
  }

  /** What is said of another node has changed. */
  onStatus(subject: AwaySubject, own: Boot, now: Now): void {
    const { node, status, isMember } = subject;
    const { boot } = subject.newestName;
    const away = this.#away.get(node);
    if (!isMember) this.#away.delete(node);
    else if (status === "up" || status === "late") {
      this.#away.delete(node);
      if (away?.boot === boot) this.#back(away.sinceMonoMs, own, now);
    } else if (status === "left" || status === "new") this.#away.delete(node);
    else if (away === undefined) this.#away.set(node, { sinceMonoMs: this.#since(now), boot });
  }

  /** A region is out of reach, or is not any more. */
  onRegion({ step, outage }: RegionChange, own: Boot, now: Now): void {
    if (step !== "back") return;
    this.#back(outage.sinceMonoMs - UNNOTICED_INTERVALS * this.#pulseEveryMs, own, now);
  }

  /** Whether this node sees a majority; it may have been the one that was away. Not at its start: then all is news anyway. */
  onMajority(hasMajority: boolean, own: Boot, now: Now): void {
    if (hasMajority && this.#aloneMonoMs !== undefined) this.#back(this.#aloneMonoMs, own, now);
    if (hasMajority) this.#aloneMonoMs = undefined;
    else if (this.#hadMajority) this.#aloneMonoMs = this.#since(now);
    this.#hadMajority = hasMajority;
  }

  /** Asked for each own pulse: since when what has happened is to be said again with it, if so. */
  due(now: Now): number | undefined {
    if (now.monoMs < this.#nextMonoMs) return undefined;
    const sinceMonoMs = this.#sinceMonoMs;
    this.#left -= 1;
    if (this.#left > 0) this.#nextMonoMs += SLOT_INTERVALS * this.#pulseEveryMs;
    else {
      this.#nextMonoMs = Number.POSITIVE_INFINITY;
      this.#sinceMonoMs = Number.POSITIVE_INFINITY;
    }
    return sinceMonoMs;
  }

  #since(now: Now): number {
    return now.monoMs - UNNOTICED_INTERVALS * this.#pulseEveryMs;
  }

  #back(sinceMonoMs: number, own: Boot, now: Now): void {
    this.#sinceMonoMs = Math.min(this.#sinceMonoMs, sinceMonoMs);
    this.#left = TELLINGS;
    if (Number.isFinite(this.#nextMonoMs)) return;
    const slotMs = SLOT_INTERVALS * this.#pulseEveryMs;
    const ownMs = ((own % SPREAD_PULSES) / SPREAD_PULSES) * slotMs;
    const fromMonoMs = now.monoMs + this.#pulseEveryMs;
    this.#nextMonoMs = Math.ceil((fromMonoMs - ownMs) / slotMs) * slotMs + ownMs;
  }
}
