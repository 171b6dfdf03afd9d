/**
 * Who keeps a connection to whom: the overlay of a run, which stands for the transport's own choice, and beside it what nodes ask for
 * (rule PU8). Costs as many entries as there are links: nothing here is a table of all pairs.
 */

export class WantedLinks {
  readonly #overlay: readonly (readonly number[])[];
  /** What each node asked for last. */
  readonly #wanted: Set<number>[];
  /** Links beyond the overlay, at both ends; one that nobody wants any more stays until it is dropped. */
  readonly #further: Set<number>[];

  /** @param overlay neighbours of each node by index; never changed */
  constructor(overlay: readonly (readonly number[])[]) {
    this.#overlay = overlay;
    this.#wanted = overlay.map(() => new Set());
    this.#further = overlay.map(() => new Set());
  }

  /** Everybody with whom a node has or had reason to keep a connection. */
  peersOf(node: number): readonly number[] {
    const further = this.#further[node];
    const near = this.#overlay[node] ?? [];
    return further === undefined || further.size === 0 ? near : [...near, ...further];
  }

  /** Whether the two are to be connected: by the overlay, or because one of them says so. */
  areWanted(a: number, b: number): boolean {
    return (
      this.#overlay[a]?.includes(b) === true ||
      this.#wanted[a]?.has(b) === true ||
      this.#wanted[b]?.has(a) === true
    );
  }

  /** A node names all that it wants to be linked to; returns whom it had not named before, and whom it names no longer. */
  want(
    node: number,
    peers: readonly number[],
  ): { readonly added: readonly number[]; readonly dropped: readonly number[] } {
    const before = this.#wanted[node] ?? new Set();
    const wanted = new Set(peers.filter((peer) => peer !== node));
    this.#wanted[node] = wanted;
    const added = [...wanted].filter((peer) => !before.has(peer));
    for (const peer of added) {
      if (this.#overlay[node]?.includes(peer) === true) continue;
      this.#further[node]?.add(peer);
      this.#further[peer]?.add(node);
    }
    return { added, dropped: [...before].filter((peer) => !wanted.has(peer)) };
  }

  /** A link that nobody wants is forgotten; false where somebody does. */
  drop(a: number, b: number): boolean {
    if (this.areWanted(a, b)) return false;
    this.#further[a]?.delete(b);
    this.#further[b]?.delete(a);
    return true;
  }
}
