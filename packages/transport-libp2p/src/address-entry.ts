/** What an address book keeps of one node, its addresses by who told them, and what of all of them is kept over a restart. */
import type { NodeId } from "@pulsemesh/core";

/** Most addresses kept of one member. */
export const MEMBER_ADDRESSES_MAX: number = 8;

export interface AddressEntry {
  readonly named: Set<string>;
  readonly saved: Set<string>;
  /** By who told it; undefined where several did. */
  readonly hearsay: Map<string, NodeId | undefined>;
  own: readonly string[];
  met: boolean;
  /** Told by a member that had met it. */
  vouched: boolean;
}

export function emptyEntry(): AddressEntry {
  return {
    named: new Set<string>(),
    saved: new Set<string>(),
    hearsay: new Map<string, NodeId | undefined>(),
    own: [],
    met: false,
    vouched: false,
  };
}

export interface SavedAddresses {
  /** Multiaddrs ending in `/p2p/<id>`; invalid ones are skipped by the caller. */
  readonly addresses: readonly string[];
  /** Of these nodes, for how long those have been members so far that are it, or were, for a moment only, in ms. */
  readonly briefMs: ReadonlyMap<NodeId, number>;
}

/** Adds an address that the user named, or an earlier run has met; the oldest one gives way. */
export function addKept(into: Set<string>, text: string): void {
  const [oldest] = into;
  if (into.size === MEMBER_ADDRESSES_MAX && oldest !== undefined) into.delete(oldest);
  into.add(text);
}

/**
 * Adds hearsay; whether it was news. Of whoever alone has told the most of this node something gives way, so that nobody can put what he made up in the
 * place of what others say. What several have told is nobody's: he who told the truth first could else have it thrown out by his own lies.
 */
export function addTold(
  into: Map<string, NodeId | undefined>,
  text: string,
  teller: NodeId,
): boolean {
  if (into.has(text)) {
    if (into.get(text) !== teller) into.set(text, undefined);
    return false;
  }
  if (into.size === MEMBER_ADDRESSES_MAX) {
    const tellers = [...into.values(), teller];
    const countOf = (other: NodeId | undefined): number =>
      other === undefined ? 0 : tellers.filter((each) => each === other).length;
    const [first] = [...into].toSorted(([, a], [, b]) => countOf(b) - countOf(a));
    if (first === undefined || countOf(first[1]) === 0) return false;
    into.delete(first[0]);
  }
  into.set(text, teller);
  return true;
}
