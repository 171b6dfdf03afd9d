/** Who keeps a connection to whom: everybody in small fleets, else a connected random graph, as a mesh of gossip settles to. */
import type { SeededRandom } from "@pulsemesh/testkit";

/** Up to this size everybody is connected to everybody. */
const FULL_MESH_NODES = 9;
const DEGREE = 8;

/**
 * Neighbours of each node by index, sorted.
 * @param grownFrom so many are there from the start, and each later one met some that were there before it: else the first ones of a fleet that
 * grows would have most of their neighbours among those that are still to come, and be in pieces
 * @param regions of each node; each region is in one piece by itself, as nodes keep connections to witnesses of their own (rule PU8)
 */
export function createOverlay(
  nodes: number,
  random: SeededRandom,
  grownFrom: number = nodes,
  regions: readonly string[] = [],
): readonly (readonly number[])[] {
  const neighbours = Array.from({ length: nodes }, () => new Set<number>());
  const link = (a: number, b: number): void => {
    if (a === b) return;
    neighbours[a]?.add(b);
    neighbours[b]?.add(a);
  };
  const first = Math.min(nodes, Math.max(1, grownFrom));
  if (first <= FULL_MESH_NODES) {
    for (let a = 0; a < first; a++) for (let b = 0; b < a; b++) link(a, b);
  } else {
    // A ring in random order keeps the graph in one piece; chords make it a mesh of about the wanted degree.
    const ring = random.shuffled(Array.from({ length: first }, (_, index) => index));
    for (let i = 0; i < first; i++) link(ring[i] as number, ring[(i + 1) % first] as number);
    for (let a = 0; a < first; a++) {
      while ((neighbours[a]?.size ?? 0) < DEGREE - 1) link(a, random.integer(first));
    }
  }
  for (let a = first; a < nodes; a++) {
    const met = Math.min(a, DEGREE / 2);
    while ((neighbours[a]?.size ?? 0) < met) link(a, random.integer(a));
  }
  for (const region of new Set(regions)) {
    const there = regions.flatMap((name, index) => (name === region ? index : []));
    const ring = random.fork(`region ${region}`).shuffled(there);
    for (const [at, node] of ring.entries()) link(node, ring[(at + 1) % ring.length] as number);
  }
  return neighbours.map((set) => [...set].toSorted((a, b) => a - b));
}
