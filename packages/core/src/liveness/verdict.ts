/**
 * This node as a reader (rules VE2, VE3, VE5): what the observations of a quorum add up to.
 *
 * A verdict is latched: it outlives the accusations it was made of, because accusers restart, lose their link or are cut off, and none
 * of that brings the dead back. It ends by proof of life: this node's own first-hand pulse, or a quorum of witnesses that state `up`.
 */
import type { Env } from "../env.ts";
import { comparePulseNames, compareText, type NodeId, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import { electorateFacts } from "./electorate-facts.ts";
import type { Electorate } from "./electorate.ts";
import { EXPIRE_INTERVALS, REGION_WAIT_INTERVALS, UNSAID_INTERVALS } from "./rules.ts";
import type { Opinion, Subject } from "./subject.ts";

export interface Reader {
  readonly env: Env;
  readonly electorate: Electorate;
  /** No new verdict before (the inbox of a stall is being drained, rule PU6). */
  readonly judgeFromMonoMs: () => number;
}

export type VerdictChange =
  | { readonly type: "none"; readonly lookAgainMonoMs: number }
  | { readonly type: "down" }
  /** `restored` by proof of life, or `lost` because the majority was out of sight for too long. */
  | { readonly type: "ended"; readonly how: "restored" | "lost" };

/** Looks at the observations about one subject and latches or ends its verdict. */
export function weighObservations(reader: Reader, subject: Subject, now: Now): VerdictChange {
  expire(reader, subject, now);
  return subject.latch === undefined
    ? weighAccusations(reader, subject, now)
    : weighLatch(reader, subject, now);
}

function weighAccusations(reader: Reader, subject: Subject, now: Now): VerdictChange {
  const none = { type: "none", lookAgainMonoMs: Number.POSITIVE_INFINITY } as const;
  const accusers = accusersOf(reader, subject, subject.newestName);
  // As good as always; how many it would take is dear to count.
  if (accusers.length === 0) return none;
  const accusing = accusers.map(({ node }) => node);
  const quorum = reader.electorate.quorumOver(subject.node, accusing);
  if (accusers.length < quorum || subject.isPaused(now.monoMs)) return none;
  if (reader.electorate.regions.outageOf(subject.node) !== undefined) return none;
  const byDate = accusers.toSorted((a, b) => a.namedMonoMs - b.namedMonoMs);
  const deciding = byDate[quorum - 1];
  if (deciding === undefined) return none;
  const settledMonoMs = Math.max(
    deciding.namedMonoMs + reader.env.config.settleMs,
    reader.judgeFromMonoMs(),
  );
  if (now.monoMs < settledMonoMs) return { type: "none", lookAgainMonoMs: settledMonoMs };
  // A node that has fresh first-hand pulses never shows `down`; its objection is under way.
  if (subject.isFresh(now.monoMs))
    return { type: "none", lookAgainMonoMs: subject.overdueMonoMs + 1 };
  if (!reader.electorate.mayDecide(subject, accusers.length)) return none;
  const waitsUntilMonoMs =
    deciding.namedMonoMs + REGION_WAIT_INTERVALS * reader.env.config.pulseEveryMs;
  if (now.monoMs < waitsUntilMonoMs && isOneRegion(reader, subject, accusing, now))
    return { type: "none", lookAgainMonoMs: waitsUntilMonoMs };
  // Accusations may outlast the sight of those who made them, as after a suspension: whoever lacks a majority does not know.
  if (!reader.electorate.hasMajority(now.monoMs))
    return { type: "none", lookAgainMonoMs: now.monoMs + reader.env.config.pulseEveryMs };
  // A region that is silent as a whole is out of reach; who is dead in it, nobody can tell from here (rule VE4).
  if (!reader.electorate.regions.isOwnSilence(subject, now))
    return { type: "none", lookAgainMonoMs: now.monoMs + reader.env.config.pulseEveryMs / 4 };
  subject.latch = {
    name: subject.newestName,
    atMonoMs: now.monoMs,
    atWallMs: now.wallMs,
    accusers: accusing.toSorted(compareText),
    electorate: electorateFacts(reader.electorate, subject.node, accusing),
    singleWitness: reader.electorate.isPair,
    majoritySeenMonoMs: now.monoMs,
    saidMonoMs: now.monoMs,
  };
  subject.ups.clear();
  return { type: "down" };
}

/** Whether all accusers are of one region and a witness of another one is in sight, which may know better (rule VE4). */
function isOneRegion(
  { electorate }: Reader,
  { node }: Subject,
  accusing: readonly NodeId[],
  now: Now,
): boolean {
  return !electorate.regions.isDiverse(accusing, electorate.electorateOf(node), now);
}

function weighLatch(reader: Reader, subject: Subject, now: Now): VerdictChange {
  const latch = subject.latch;
  if (latch === undefined) return { type: "none", lookAgainMonoMs: Number.POSITIVE_INFINITY };
  const date = subject.dating.newestDate;
  const sawAlive =
    date !== undefined &&
    comparePulseNames(date.name, latch.name) > 0 &&
    subject.isFresh(now.monoMs);
  let ups = 0;
  for (const [witness, opinion] of subject.ups) {
    if (
      reader.electorate.isWitness(witness, subject.node) &&
      comparePulseNames(opinion.name, latch.name) > 0
    )
      ups += 1;
  }
  // Those who are cut off with a subject never held it for dead, so few of its witnesses may say that it is back; none accuses it any more.
  // An accusation by an older pulse upholds the verdict all the same: the newer one may be a recording that one witness kept for itself.
  const isDuty = reader.electorate.isDuty(subject.node);
  const isUncontested = ups > 0 && subject.accusations.size === 0 && !isDuty;
  if (sawAlive || isUncontested || ups >= reader.electorate.quorumOver(subject.node)) {
    subject.latch = undefined;
    return { type: "ended", how: "restored" };
  }
  const saidMonoMs = isDuty ? now.monoMs : lastSaidMonoMs(subject.accusations);
  latch.saidMonoMs = Math.max(latch.saidMonoMs, saidMonoMs);
  if (now.monoMs - latch.saidMonoMs >= UNSAID_INTERVALS * reader.env.config.pulseEveryMs) {
    // Whoever hears nothing of the subject itself would show it down for ever after a verdict that was made of recordings.
    subject.latch = undefined;
    return { type: "ended", how: "lost" };
  }
  if (reader.electorate.hasMajority(now.monoMs)) {
    latch.majoritySeenMonoMs = now.monoMs;
  } else if (
    now.monoMs - latch.majoritySeenMonoMs >=
    EXPIRE_INTERVALS * reader.env.config.pulseEveryMs
  ) {
    subject.latch = undefined;
    return { type: "ended", how: "lost" };
  }
  return { type: "none", lookAgainMonoMs: now.monoMs + reader.env.config.pulseEveryMs };
}

/** When somebody last said so, which is not how long it is remembered. */
function lastSaidMonoMs(opinions: ReadonlyMap<NodeId, Opinion>): number {
  let last = Number.NEGATIVE_INFINITY;
  for (const { seenMonoMs } of opinions.values()) last = Math.max(last, seenMonoMs);
  return last;
}

function accusersOf(
  reader: Reader,
  subject: Subject,
  name: PulseName,
): readonly { readonly node: NodeId; readonly namedMonoMs: number }[] {
  const accusers: { readonly node: NodeId; readonly namedMonoMs: number }[] = [];
  for (const [node, opinion] of subject.accusations) {
    if (
      !reader.electorate.isWitness(node, subject.node) ||
      comparePulseNames(opinion.name, name) !== 0
    )
      continue;
    accusers.push({ node, namedMonoMs: opinion.namedMonoMs });
  }
  return accusers;
}

function expire(reader: Reader, subject: Subject, now: Now): void {
  const expireMs = EXPIRE_INTERVALS * reader.env.config.pulseEveryMs;
  expireOf(subject.accusations, now.monoMs - expireMs);
  expireOf(subject.unknowns, now.monoMs - expireMs);
  expireOf(subject.ups, now.monoMs - expireMs);
  expireOf(subject.losses, now.monoMs - expireMs);
  expireOf(subject.delays, now.monoMs - expireMs);
}

function expireOf(opinions: Map<NodeId, Opinion>, seenMonoMsMin: number): void {
  if (opinions.size === 0) return;
  for (const [witness, opinion] of opinions) {
    if (opinion.seenMonoMs < seenMonoMsMin) opinions.delete(witness);
  }
}
