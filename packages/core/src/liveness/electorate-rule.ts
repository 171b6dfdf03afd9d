/** What a rule of who has a say must answer: one is for small fleets (`everybody.ts`), one for large ones (`chosen-witnesses.ts`). */
import type { NodeId } from "../ids.ts";
import type { Subject } from "./subject.ts";

export interface ElectorateRule {
  /** Whether a node has a say about a subject. */
  isWitness(node: NodeId, subject: NodeId): boolean;
  /** All who have by the roster, this node among them if it is one. */
  witnessesOf(subject: NodeId): readonly NodeId[];
  /** Those of them whose word counts now. */
  electorateOf(subject: NodeId): readonly NodeId[];
  /** Accusers that a verdict about the subject needs where these, who have a say, accuse it. */
  quorumOver(subject: NodeId, accusers?: readonly NodeId[]): number;
  /** Whether enough have spoken about the subject for so many accusers to decide. */
  mayDecide(subject: Subject, accusers: number): boolean;
  /** This node, if it counts, and all members that are in sight as far as this node can tell. */
  inSight(nowMonoMs: number): number;
  /** Whether a strict majority of the fleet is in sight (or this is a pair that may accuse). */
  hasMajority(nowMonoMs: number): boolean;
  /** The same, those included who need not be in sight yet, as their region was out of reach until a moment ago (rule VE4). */
  hasWholeMajority(nowMonoMs: number): boolean;
  /** Whether that holds of what was heard since the subject fell silent. */
  hasMajorityOver(subject: Subject, nowMonoMs: number): boolean;
  /** How many of those who may speak about the subject come between `speaker` and this node, in the order of their ids and round again. */
  placeAfter(speaker: NodeId, subject: NodeId, nowMonoMs: number): number;
  /** Witnesses, this node aside, that are known to hear the subject inside its deadline. */
  freshWitnesses(subject: Subject, nowMonoMs: number): number;
  /** Whether a majority of the subject's witnesses miss too many of its pulses (rule PU7). */
  isLossy(subject: Subject, nowMonoMs: number, mayAccuse: boolean): boolean;
}
