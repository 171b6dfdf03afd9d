/** Who keeps a connection to whom: everybody in small fleets, else a connected random graph, as a mesh of gossip settles to. */
import type { SeededRandom } from "@pulsemesh/testkit";

/** How many connections there are. */
export interface OverlayShape {
  /** Up to this size everybody is connected to everybody. */
  readonly fullUpTo: number;
  /** Beyond it each has about so many. */
  readonly degree: number;
}

export const PLAIN_OVERLAY: OverlayShape = { fullUpTo: 9, degree: 8 };
/** As the transport does it (rule CH6): up to 16 others all are dialled, beyond that six, and six others dial. */
export const TRANSPORT_OVERLAY: OverlayShape = { fullUpTo: 17, degree: 12 };

export interface OverlayOptions extends OverlayShape {
  /**
   * So many are there from the start, and each later one met some that were there before it: else the first ones of a fleet that grows would have most of
   * their neighbours among those that are still to come, and be in pieces. @default all
   */
  readonly grownFrom?: number | undefined;
  /** Of each node; each region is in one piece by itself, as nodes keep connections to witnesses of their own (rule PU8). @default none */
  readonly regions?: readonly string[] | undefined;
}

/** Neighbours of each node by index, sorted. */
export function createOverlay(
  nodes: number,
  random: SeededRandom,
  { fullUpTo, degree, grownFrom = nodes, regions = [] }: OverlayOptions,
): readonly (readonly number[])[] {
  const neighbours = Array.from({ length: nodes }, () => new Set<number>());
  const link = (a: number, b: number): void => {
    if (a === b) return;
    neighbours[a]?.add(b);
    neighbours[b]?.add(a);
  };
  const first = Math.min(nodes, Math.max(1, grownFrom));
  if (first <= fullUpTo) {
    for (let a = 0; a < first; a++) for (let b = 0; b < a; b++) link(a, b);
  } else {
    // A ring in random order keeps the graph in one piece; chords make it a mesh of about the wanted degree.
    const ring = random.shuffled(Array.from({ length: first }, (_, index) => index));
    for (let i = 0; i < first; i++) link(ring[i] as number, ring[(i + 1) % first] as number);
    for (let a = 0; a < first; a++) {
      while ((neighbours[a]?.size ?? 0) < degree - 1) link(a, random.integer(first));
    }
  }
  for (let a = first; a < nodes; a++) {
    const met = Math.min(a, degree / 2);
    while ((neighbours[a]?.size ?? 0) < met) link(a, random.integer(a));
  }
  for (const region of new Set(regions)) {
    const there = regions.flatMap((name, index) => (name === region ? index : []));
    const ring = random.fork(`region ${region}`).shuffled(there);
    for (const [at, node] of ring.entries()) link(node, ring[(at + 1) % ring.length] as number);
  }
  return neighbours.map((set) => [...set].toSorted((a, b) => a - b));
}
