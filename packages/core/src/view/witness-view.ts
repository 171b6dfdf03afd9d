/** Who sees one node, and what is needed to know more, as the answering node has heard it (rule VE10). Times are its wall milliseconds. */
import type { NodeId, PulseName } from "../ids.ts";
import type { OutageView } from "./node-view.ts";
import type { NodeReason, Status } from "./status.ts";

/**
 * `hears` pulses of it inside their deadline; `lossy`: misses too many of them (rule PU7); `accuses` it (rule VE3); `misses`: hears others, and it not,
 * without having accused it; `silent`: is not heard itself; `unknown`: does not say.
 */
export type Opinion = "hears" | "lossy" | "accuses" | "misses" | "silent" | "unknown";

export interface WitnessView {
  readonly node: NodeId;
  readonly name: string;
  readonly region: string;
  /** It is the node that answers, so that its opinion is first hand. */
  readonly isSelf: boolean;
  readonly opinion: Opinion;
  /** The newest pulse of the subject that it names; undefined where it named none. */
  readonly pulse: PulseName | undefined;
  /** How old that word is: that pulse's for the answering node, else its author's newest pulse or accusation. */
  readonly ageMs: number | undefined;
  /** Since when it says so, where that is known: of accusations, and of silence. */
  readonly sinceWallMs: number | undefined;
}

/** What has been counted, and how much it takes. */
export interface Count {
  readonly have: number;
  readonly need: number;
}

export interface VerdictView {
  readonly atWallMs: number;
  /** The newest pulse that was known when it was made. */
  readonly pulse: PulseName;
  readonly accusers: readonly NodeId[];
  readonly singleWitness: boolean;
  /** Signed words of its making and its end that are kept here. */
  readonly evidence: {
    readonly accusations: number;
    readonly objections: number;
    readonly ups: number;
  };
  readonly end:
    | { readonly atWallMs: number; readonly how: "restored" | "lost" | "gone" }
    | undefined;
}

export interface NodeWitnesses {
  readonly node: NodeId;
  readonly name: string;
  readonly region: string;
  readonly status: Status;
  readonly reason: NodeReason | undefined;
  readonly sinceWallMs: number;
  /** The rule of the protocol that decides now, such as `VE3`. */
  readonly rule: string;
  /** Members that count, the subject included. */
  readonly members: number;
  /** Members in sight of the answering node, itself included, and how many make a majority (rule VE2). */
  readonly inSight: Count;
  /** Live accusations by the newest pulse known, and how many make a verdict. */
  readonly accusers: Count;
  /** While a verdict stands: witnesses that say `up` by newer pulses, and how many end it. */
  readonly ups: Count | undefined;
  /** The newest pulse known to exist. */
  readonly pulse: PulseName | undefined;
  /** When the answering node will hold it for silent, if nothing comes; in the past once it does. Undefined for itself. */
  readonly deadlineWallMs: number | undefined;
  readonly pulseEveryMs: number | undefined;
  readonly settleMs: number;
  /** What would have to happen for another status, in words. */
  readonly needed: string;
  /** While nothing is heard of any node in its region (rule VE4). */
  readonly outage: OutageView | undefined;
  /** Sorted by id. */
  readonly witnesses: readonly WitnessView[];
  /** The newest first. */
  readonly verdicts: readonly VerdictView[];
}
