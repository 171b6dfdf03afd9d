/** Who has a say about a subject at one moment; a verdict keeps what was so when it was made, as its evidence has to tell (rules VE2, PU8, VE10). */
import type { NodeId } from "../ids.ts";

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

/** What this asks of an electorate. */
interface Voters {
  readonly isLarge: boolean;
  readonly roster: number;
  quorumOver(subject: NodeId, accusers: readonly NodeId[]): number;
  electorateOf(subject: NodeId): readonly NodeId[];
}

/** With the `accusers` whom a verdict counted: in a hand-over some were its witnesses before, and are none of today's (rule PU8). */
export function electorateFacts(
  electorate: Voters,
  subject: NodeId,
  accusers: readonly NodeId[] = [],
): ElectorateFacts {
  const members = electorate.roster;
  const voters = [...new Set([...electorate.electorateOf(subject), ...accusers])];
  const isNamed = electorate.isLarge || members <= NAMED_ROSTER || voters.length < members - 1;
  return {
    members,
    quorum: electorate.quorumOver(subject, accusers),
    witnesses: isNamed ? voters.toSorted() : undefined,
  };
}
