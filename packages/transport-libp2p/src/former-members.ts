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
  readonly memberMs: number;
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

  /** For how long `node` was a member, in ms. */
  memberMsOf(node: NodeId): number {
    return this.#all.get(node)?.memberMs ?? 0;
  }

  nodes(): readonly NodeId[] {
    return [...this.#all.keys()];
  }

  /** In the order in which they left. */
  all(): readonly (readonly [NodeId, FormerMember])[] {
    return [...this.#all];
  }

  /**
   * Takes in who has just left; who had to make room for it, if anybody, which may be that one.
   * @param memberMs for how long it was a member in all, as far as is known
   */
  keep(node: NodeId, entry: AddressEntry, memberMs: number): NodeId | undefined {
    this.#all.set(node, { entry, memberMs });
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

/** Whether who is, or was, a member for so long counts as one that came and went. */
export function isBrief(memberMs: number): boolean {
  return memberMs < BRIEF_MEMBERSHIP_MS;
}

function worthOf({ entry, memberMs }: FormerMember): number {
  const isPlaced = entry.saved.size + entry.hearsay.size > 0;
  return (isBrief(memberMs) ? 0 : 2) + (isPlaced ? 1 : 0);
}
