/** Measures DESIGN §9: from the end of a partition until all live nodes show one view and equal documents. */
import type { Check } from "../checks/check.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { hashOfNodes } from "../fleet/status-board.ts";

export class HealMeter implements Check {
  readonly #fleet: Fleet;
  readonly #endsMs: number[];
  readonly #healMs: number[] = [];

  /** @param endsMs when partitions end */
  constructor(fleet: Fleet, endsMs: readonly number[]) {
    this.#fleet = fleet;
    this.#endsMs = endsMs.toSorted((a, b) => a - b);
  }

  /** The longest that it took; undefined when there was no partition, infinite when one was never got over. */
  get worstMs(): number | undefined {
    if (this.#endsMs[0] !== undefined && this.#endsMs[0] <= this.#fleet.nowMs)
      return Number.POSITIVE_INFINITY;
    return this.#healMs.length === 0 ? undefined : Math.max(...this.#healMs);
  }

  sample(): void {
    const endMs = this.#endsMs[0];
    const { nowMs } = this.#fleet;
    if (endMs === undefined || nowMs < endMs || !this.#isOne()) return;
    this.#healMs.push(nowMs - endMs);
    this.#endsMs.shift();
  }

  #isOne(): boolean {
    const { nodes, truth, hostile, board } = this.#fleet;
    const live = nodes.filter(({ index }) => truth.isLive(index) && !hostile.has(index));
    const away = hashOfNodes(nodes.flatMap(({ index }) => (truth.isLive(index) ? [] : index)));
    if (!truth.isOnePiece || live.some(({ index }) => board.awayHash(index) !== away)) return false;
    const first = live[0]?.core?.fleet(live[0].now).documentHash;
    return live.every(({ core, now }) => core?.fleet(now).documentHash === first);
  }
}
