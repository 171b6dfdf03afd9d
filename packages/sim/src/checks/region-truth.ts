/**
 * What is really the case with regions (rule VE4): which of them a node can hear nobody of, and who has a say where they are out of reach.
 * A region with one node alone has no such case.
 */
import type { Fleet } from "../fleet/fleet.ts";

/** Silences that began within so much of each other began together, as far as a reader can tell (rule VE4). */
const TOGETHER_INTERVALS = 2.7;

export class RegionTruth {
  readonly #fleet: Fleet;
  /** When `isAway` held last, by viewer and region, and since when it did. */
  readonly #away = new Map<string, { readonly sinceMs: number; readonly untilMs: number }>();
  #lookedMs = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Whether a node can hear nobody of a subject's region, which is another one than its own and has more than the subject. */
  isAway(viewer: number, subject: number): boolean {
    const region = this.#fleet.regions[subject] ?? "";
    return region !== this.#fleet.regions[viewer] && this.#isSilent(viewer, region);
  }

  /**
   * When it was last open, by rule VE4, whether a subject is dead or on the other side of a cut: as long as a region is away that fell silent in the
   * moment in which the subject did. Never where it was not.
   */
  undecidedUntilMs(subject: number): number {
    const { nowMs, pulseEveryMs, truth } = this.#fleet;
    const goneMs = truth.deadSinceMs(subject);
    let untilMs = Number.NEGATIVE_INFINITY;
    if (truth.isLive(subject)) return untilMs;
    for (const [key, { sinceMs, untilMs: awayMs }] of this.#away) {
      const [viewer, region] = key.split("/");
      const isBeside = region !== this.#fleet.regions[subject] && Number(viewer) !== subject;
      if (isBeside && Math.abs(goneMs - sinceMs) <= TOGETHER_INTERVALS * pulseEveryMs)
        untilMs = Math.max(untilMs, Math.min(awayMs, nowMs));
    }
    return untilMs;
  }

  /** When that was the case last, as far as it was looked at; call {@link look} now and then. */
  awayUntilMs(viewer: number, subject: number): number {
    const key = `${viewer}/${this.#fleet.regions[subject]}`;
    return this.#away.get(key)?.untilMs ?? Number.NEGATIVE_INFINITY;
  }

  look(): void {
    const { nodes, nowMs, truth } = this.#fleet;
    for (const { index: viewer } of nodes) {
      if (!truth.isLive(viewer)) continue;
      for (const region of new Set(this.#fleet.regions))
        if (region !== this.#fleet.regions[viewer] && this.#isSilent(viewer, region))
          this.#noteAway(`${viewer}/${region}`);
    }
    this.#lookedMs = nowMs;
  }

  #noteAway(key: string): void {
    const { nowMs, truth } = this.#fleet;
    const before = this.#away.get(key);
    // Looked at now and then: what changed last has made it so.
    const isOn = before !== undefined && before.untilMs >= this.#lookedMs;
    this.#away.set(key, { sinceMs: isOn ? before.sinceMs : truth.changedMs, untilMs: nowMs });
  }

  /** Whether a node hears most of those whose regions it hears anybody of. */
  hasMajority(viewer: number): boolean {
    const { truth } = this.#fleet;
    const voters = this.#counted().filter((node) => node === viewer || !this.isAway(viewer, node));
    const heard = new Set(truth.reach(viewer));
    return voters.filter((node) => heard.has(node)).length * 2 > voters.length;
  }

  /** How many have a say there. */
  electorate(viewer: number): number {
    return this.#counted().filter((node) => !this.isAway(viewer, node)).length;
  }

  #isSilent(viewer: number, region: string): boolean {
    const { regions, truth } = this.#fleet;
    const there = this.#counted().filter((node) => regions[node] === region);
    return (
      there.length > 1 &&
      there.every((node) => truth.togetherSinceMs(viewer, node) === Number.POSITIVE_INFINITY)
    );
  }

  /** Nodes that count: all that ever started and did not leave. */
  #counted(): readonly number[] {
    const { nodes, truth } = this.#fleet;
    return nodes.flatMap(({ index }) =>
      truth.hasStarted(index) && !truth.hasLeft(index) ? index : [],
    );
  }
}
