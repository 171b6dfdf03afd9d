/**
 * The pieces into which cuts and deaths divide a fleet, while everything flows both ways: who is in one piece with whom. A piece keeps its
 * number while it keeps its first member that was there before, so that one death moves one node and not everybody.
 */

/** Number of those that are in no piece: the dead. */
const NOWHERE = -1;

export class Pieces {
  readonly #numbers: Int32Array;
  readonly #sizes = new Map<number, number>();
  #next = 0;

  constructor(nodes: number) {
    this.#numbers = new Int32Array(nodes).fill(NOWHERE);
  }

  get count(): number {
    return this.#sizes.size;
  }

  /** Both are alive, and gossip flows between them; a live node is together with itself. */
  areTogether(a: number, b: number): boolean {
    return this.#numbers[a] !== NOWHERE && this.#numbers[a] === this.#numbers[b];
  }

  /** Members of a node's piece, 0 for the dead. */
  sizeOf(node: number): number {
    return this.#sizes.get(this.#numbers[node] as number) ?? 0;
  }

  /** Looks again; returns the nodes that are in another piece than before. */
  update(
    isLive: (node: number) => boolean,
    isOpen: (node: number, next: number) => boolean,
    neighbours: readonly (readonly number[])[],
  ): readonly number[] {
    const before = this.#numbers.slice();
    this.#numbers.fill(NOWHERE);
    this.#sizes.clear();
    for (let first = 0; first < before.length; first++) {
      if (this.#numbers[first] !== NOWHERE || !isLive(first)) continue;
      const members = [first];
      const number = this.#next++;
      this.#numbers[first] = number;
      for (let at = 0; at < members.length; at++) {
        const node = members[at] as number;
        for (const next of neighbours[node] ?? []) {
          if (this.#numbers[next] !== NOWHERE || !isLive(next) || !isOpen(node, next)) continue;
          this.#numbers[next] = number;
          members.push(next);
        }
      }
      this.#settle(members, before);
    }
    const moved: number[] = [];
    for (let node = 0; node < before.length; node++)
      if (before[node] !== this.#numbers[node]) moved.push(node);
    return moved;
  }

  /** Gives a piece the number that its first old member had, unless another piece has it by now. */
  #settle(members: readonly number[], before: Int32Array): void {
    let number = this.#numbers[members[0] as number] as number;
    for (const node of members) {
      const old = before[node] as number;
      if (old === NOWHERE) continue;
      if (!this.#sizes.has(old)) number = old;
      break;
    }
    for (const node of members) this.#numbers[node] = number;
    this.#sizes.set(number, members.length);
  }
}
