/** What would have to happen for a node to be called something else, in words for whoever is on call (rule VE10). */
import type { NodeReason } from "../view/status.ts";
import type { Count } from "../view/witness-view.ts";

export interface NeedFacts {
  readonly inSight: Count;
  readonly accusers: Count;
  readonly ups: Count | undefined;
  readonly settleMs: number;
}

type Words = (facts: NeedFacts) => string;

const untilItIsHeard: Words = ({ ups }) =>
  `a newer pulse of it, heard here, or ${ups?.need ?? 1} witnesses that say up by newer pulses (${ups?.have ?? 0} do)`;
const majority: Words = ({ inSight }) =>
  `${inSight.need} members in sight of the node that answers (${inSight.have} are)`;
const quorum: Words = ({ accusers, settleMs }) =>
  `to be down: ${accusers.need} accusers by its newest pulse (${accusers.have} now) to whom nobody objects for ${settleMs} ms; to be up: a newer pulse in time`;

const NEEDED: Readonly<Record<NodeReason, Words>> = {
  quorum: untilItIsHeard,
  "single-witness": untilItIsHeard,
  suspected: quorum,
  "no-quorum": quorum,
  "no-majority": majority,
  "pair-unknown": () => "its pulses: the policy of this pair of nodes lets neither accuse alone",
  "not-heard": () => "a pulse of it that is dated, or accusations of a quorum",
  stalled: () =>
    "a few seconds: the node that answers was away itself, and has to be answered first",
  undated: () => "a pulse of it that answers one of the node that answers",
  delayed: () => "pulses that come in time: they come, but too late to tell",
  lossy: () => "20 s in which most of its witnesses miss fewer than 40% of its pulses",
  flapping: () =>
    "60 s without another return; it is up then if it is heard, and down if a verdict stands",
  restart: () => "its pulses; once the announced absence is over its silence is judged",
  goodbye: () => "pulses of a new start",
  retired: () => "pulses of a new start, or that the statement is taken back",
  revoked: () => "a new key: a revoked one never counts again",
  "not-granted": () => "a grant that counts now",
  twin: () => "that one of the two processes with its key is stopped",
  "region-unreachable": () =>
    "a pulse of any node of its region: all of that region is silent, so whether it is dead cannot be told from here",
  "offline-allowed": () => "its pulses; it may be silent, and is judged when that time is over",
};

export function neededFor(reason: NodeReason | undefined, facts: NeedFacts): string {
  return reason === undefined ? quorum(facts) : NEEDED[reason](facts);
}
