/** What an address book keeps of one node: its addresses, by who told them. */
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
