/** Who keeps a connection to whom: everybody in small fleets, else a connected random graph, as a mesh of gossip settles to. */
import type { SeededRandom } from "@pulsemesh/testkit";

/** Up to this size everybody is connected to everybody. */
const FULL_MESH_NODES = 9;
const DEGREE = 8;

/** Neighbours of each node by index, sorted. */
export function createOverlay(nodes: number, random: SeededRandom): readonly (readonly number[])[] {
  const neighbours = Array.from({ length: nodes }, () => new Set<number>());
  const link = (a: number, b: number): void => {
    if (a === b) return;
    neighbours[a]?.add(b);
    neighbours[b]?.add(a);
  };
  if (nodes <= FULL_MESH_NODES) {
    for (let a = 0; a < nodes; a++) for (let b = 0; b < a; b++) link(a, b);
  } else {
    // A ring in random order keeps the graph in one piece; chords make it a mesh of about the wanted degree.
    const ring = random.shuffled(Array.from({ length: nodes }, (_, index) => index));
    for (let i = 0; i < nodes; i++) link(ring[i] as number, ring[(i + 1) % nodes] as number);
    for (let a = 0; a < nodes; a++) {
      while ((neighbours[a]?.size ?? 0) < DEGREE - 1) link(a, random.integer(nodes));
    }
  }
  return neighbours.map((set) => [...set].toSorted((a, b) => a - b));
}
