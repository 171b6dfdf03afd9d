/**
 * The room of an address book for who was a member, or stands in the file of an earlier run, and is no member now (rule CH6).
 *
 * In a full room somebody gives way. By age alone a thief of the root's key would empty it, whose nodes join by the hundred, are met, and leave again: so
 * first who was a member for less than {@link BRIEF_MEMBERSHIP_MS}, then who can be dialled nowhere, and of those alike the one that left first. Rejected: to
 * keep whoever was a member for longest, by which nodes of years ago that are gone keep out those of today.
 */
import type { NodeId } from "@pulsemesh/core";
import type { AddressEntry } from "./address-entry.ts";

/** Most former members that are kept. As many as members, who may all leave at once; with fewer two of them might each keep others than the other one. */
export const FORMER_MEMBERS_MAX: number = 1_024;
/** Who was a member for less than this gives way first, in milliseconds. Long enough that hundreds of a thief's nodes among the members are noticed. */
export const BRIEF_MEMBERSHIP_MS: number = 3_600_000;

interface FormerMember {
  readonly entry: AddressEntry;
  readonly isBrief: boolean;
}

export class FormerMembers {
  /** In the order in which they left. */
  readonly #all = new Map<NodeId, FormerMember>();

  has(node: NodeId): boolean {
    return this.#all.has(node);
  }

  get(node: NodeId): AddressEntry | undefined {
    return this.#all.get(node)?.entry;
  }

  /** Whether `node` was a member for a moment only. */
  wasBrief(node: NodeId): boolean {
    return this.#all.get(node)?.isBrief === true;
  }

  nodes(): readonly NodeId[] {
    return [...this.#all.keys()];
  }

  /** Those that were members for a moment only first, so that they give way first in the next run, too. */
  entries(): readonly AddressEntry[] {
    const all = [...this.#all.values()];
    return [...all.filter(({ isBrief }) => isBrief), ...all.filter(({ isBrief }) => !isBrief)].map(
      ({ entry }) => entry,
    );
  }

  /** Takes in who has just left; who had to make room for it, if anybody, which may be that one. */
  keep(node: NodeId, entry: AddressEntry, isBrief: boolean): NodeId | undefined {
    this.#all.set(node, { entry, isBrief });
    if (this.#all.size <= FORMER_MEMBERS_MAX) return undefined;
    const gone = this.#leastWorth();
    if (gone !== undefined) this.#all.delete(gone);
    return gone;
  }

  delete(node: NodeId): void {
    this.#all.delete(node);
  }

  #leastWorth(): NodeId | undefined {
    let least: NodeId | undefined;
    let leastWorth = Number.POSITIVE_INFINITY;
    for (const [node, former] of this.#all) {
      const worth = worthOf(former);
      if (worth === 0) return node;
      if (worth < leastWorth) [least, leastWorth] = [node, worth];
    }
    return least;
  }
}

function worthOf({ entry, isBrief }: FormerMember): number {
  const isPlaced = entry.saved.size + entry.hearsay.size > 0;
  return (isBrief ? 0 : 2) + (isPlaced ? 1 : 0);
}
