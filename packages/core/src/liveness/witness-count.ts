/** What the witnesses of one node say of it, as far as this node knows: for people, who want to see how sure an answer is. */
import type { NodeId } from "../ids.ts";
import type { WitnessCount } from "../view/robot-view.ts";
import type { Status } from "../view/status.ts";
import type { Electorate } from "./electorate.ts";
import type { Subject } from "./subject.ts";

interface Facts {
  readonly electorate: Electorate;
  readonly subjects: ReadonlyMap<NodeId, Subject>;
  /** What is said of whom nobody speaks of, in a large fleet. */
  readonly quiet: Status | undefined;
}

interface Options {
  readonly self: NodeId;
  readonly nowMonoMs: number;
  readonly expireMs: number;
}

/** Counts every witness of `node` once: `down` who accuses, `late` who misses pulses, `up` who hears it, else `unknown`. */
export function witnessCount(facts: Facts, node: NodeId, options: Options): WitnessCount {
  const count = { up: 0, late: 0, down: 0, unknown: 0, of: 0 };
  const subject = facts.subjects.get(node);
  const { electorate } = facts;
  for (const witness of electorate.witnessesOf(node)) {
    count.of += 1;
    const opinion = electorate.isLarge
      ? toldBy(witness, { subject, quiet: facts.quiet }, options)
      : undefined;
    count[opinion ?? opinionOf(facts, witness, { node, subject }, options)] += 1;
  }
  return count;
}

/** What another witness has said in a large fleet, where saying nothing is to hear the subject (rule PU8); undefined of this node itself. */
function toldBy(
  witness: NodeId,
  about: { readonly subject: Subject | undefined; readonly quiet: Status | undefined },
  options: Options,
): "up" | "late" | "down" | "unknown" | undefined {
  const { subject, quiet } = about;
  if (witness === options.self) return undefined;
  if (subject?.accusations.has(witness) === true) return "down";
  if (subject?.losses.has(witness) === true) return "late";
  if (subject?.delays.has(witness) === true) return "unknown";
  return subject?.ups.has(witness) === true || quiet === "up" ? "up" : "unknown";
}

function opinionOf(
  facts: Facts,
  witness: NodeId,
  about: { readonly node: NodeId; readonly subject: Subject | undefined },
  options: Options,
): "up" | "late" | "down" | "unknown" {
  const { subject } = about;
  const accusation = subject?.accusations.get(witness);
  if (accusation !== undefined && options.nowMonoMs - accusation.seenMonoMs <= options.expireMs) {
    if (subject?.isFresh(options.nowMonoMs) !== true || witness === options.self) return "down";
  }
  if (witness === options.self) {
    if (subject === undefined || !subject.isFresh(options.nowMonoMs)) return "unknown";
    return subject.loss.isLossy() ? "late" : "up";
  }
  const word = facts.subjects.get(witness)?.wordAt(options.nowMonoMs);
  if (word === undefined) return "unknown";
  const shortId = subject?.shortId ?? about.node.slice(-12);
  if (word.missing.includes(shortId)) return "late";
  return word.heard.some((heard) => heard.shortId === shortId && heard.fresh) ? "up" : "unknown";
}
