/**
 * What is really the case with regions (rule VE4): which of them a node can hear nobody of, and who has a say where they are out of reach.
 * A region with one node alone has no such case.
 */
import type { Fleet } from "../fleet/fleet.ts";

export class RegionTruth {
  readonly #fleet: Fleet;
  /** When `isAway` last held, by viewer and region. */
  readonly #awayMs = new Map<string, number>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Whether a node can hear nobody of a subject's region, which is another one than its own and has more than the subject. */
  isAway(viewer: number, subject: number): boolean {
    const region = this.#fleet.regions[subject] ?? "";
    return region !== this.#fleet.regions[viewer] && this.#isSilent(viewer, region);
  }

  /** When that was the case last, as far as it was looked at; call {@link look} now and then. */
  awayUntilMs(viewer: number, subject: number): number {
    const key = `${viewer}/${this.#fleet.regions[subject]}`;
    return this.#awayMs.get(key) ?? Number.NEGATIVE_INFINITY;
  }

  look(): void {
    const { nodes, nowMs, truth } = this.#fleet;
    for (const { index: viewer } of nodes) {
      if (!truth.isLive(viewer)) continue;
      for (const region of new Set(this.#fleet.regions))
        if (region !== this.#fleet.regions[viewer] && this.#isSilent(viewer, region))
          this.#awayMs.set(`${viewer}/${region}`, nowMs);
    }
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
