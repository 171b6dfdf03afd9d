/** What an address book keeps of one node, its addresses by who told them, and what of all of them is kept over a restart. */
import type { NodeId } from "@pulsemesh/core";

export interface AddressEntry {
  readonly named: Set<string>;
  readonly saved: Set<string>;
  readonly hearsay: Set<string>;
  own: readonly string[];
  met: boolean;
  /** Told by a member that had met it. */
  vouched: boolean;
}

export function emptyEntry(): AddressEntry {
  return {
    named: new Set<string>(),
    saved: new Set<string>(),
    hearsay: new Set<string>(),
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
