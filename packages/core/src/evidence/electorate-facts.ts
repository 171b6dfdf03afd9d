/** Who had a say about a subject when a verdict was made, as its evidence has to tell (rules VE2, PU8). */
import type { NodeId } from "../ids.ts";
import type { Electorate } from "../liveness/electorate.ts";
import type { Membership } from "../roster/membership.ts";

/** In a roster up to this size a verdict takes fewer than three accusers, so that it matters who they could have been. */
const NAMED_ROSTER = 3;

export interface ElectorateFacts {
  /** Members that count, the subject included. */
  readonly members: number;
  /** Accusers that a verdict took. */
  readonly quorum: number;
  /** Who had a say, sorted; undefined where it was every other member, and it matters not which they were. */
  readonly witnesses: readonly NodeId[] | undefined;
}

export function electorateFacts(
  electorate: Pick<Electorate, "isLarge" | "quorumOver" | "electorateOf">,
  membership: Membership,
  subject: NodeId,
): ElectorateFacts {
  const members = membership.members();
  const voters = electorate.electorateOf(subject);
  const isNamed =
    electorate.isLarge || members.length <= NAMED_ROSTER || voters.length < members.length - 1;
  return {
    members: members.length,
    quorum: electorate.quorumOver(subject),
    witnesses: isNamed ? voters.toSorted() : undefined,
  };
}
