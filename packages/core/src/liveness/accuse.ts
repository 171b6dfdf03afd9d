/**
 * This node as a witness (rule VE3): when to accuse and when to say `up`; when to object is in `objections.ts`.
 *
 * Intuition: accuse early and loudly, and let whoever knows better object with proof. A witness that is often proved wrong has a bad
 * link of its own and from then on only seconds others. Rejected: a longer silence instead of objections, since in simulation no
 * threshold alone met both the speed and the false-verdict numbers.
 */
import type { Env } from "../env.ts";
import { comparePulseNames, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Electorate } from "./electorate.ts";
import {
  ALONE_INTERVALS,
  EXPIRE_INTERVALS,
  REPEATS_MS,
  RESTATE_INTERVALS,
  STANDING_INTERVALS,
} from "./rules.ts";
import type { Statements } from "./statements.ts";
import type { OwnAccusation, Subject } from "./subject.ts";

/** How many times an `up` is restated after the first. */
const UP_RESTATES = 2;
/** Objections running after which a witness no longer accuses alone. */
const OBJECTED_RUNNING_LIMIT = 2;

export interface Witness {
  readonly env: Env;
  readonly electorate: Electorate;
  readonly statements: Statements;
  /** Writes the audit entry that makes an accusation durable with this input's commit. */
  readonly recordAccusation: (subject: Subject, now: Now) => void;
}

/**
 * The silence of a subject is past its deadline, or may be: accuse, restate or withdraw.
 * Returns when to look again at the latest.
 */
export function judgeSilence(witness: Witness, subject: Subject, now: Now): number {
  const { config } = witness.env;
  // Who is heard a moment later than others of its region once that is in reach again is not late for the time before (rule VE4).
  const backMonoMs = witness.electorate.regions.backMonoMs(subject.node);
  const deadlineMonoMs = Math.max(subject.deadlineMonoMs, backMonoMs + subject.patienceMs);
  if (now.monoMs <= deadlineMonoMs) {
    withdraw(subject, witness);
    const { overdueMonoMs } = subject;
    return (now.monoMs <= overdueMonoMs ? overdueMonoMs : deadlineMonoMs) + 1;
  }
  if (!witness.electorate.mayAccuse || !witness.electorate.isDuty(subject.node)) {
    withdraw(subject, witness);
    return now.monoMs + config.pulseEveryMs;
  }
  const lookAgainMonoMs = now.monoMs + config.pulseEveryMs / 4;
  const isSure =
    witness.electorate.hasMajorityOver(subject, now.monoMs) ||
    witness.electorate.regions.mayAccuseUnseen(subject, now);
  if (!isSure && witness.electorate.isLarge) subject.unsureMonoMs = now.monoMs;
  if (!isSure || subject.isDelayed(now.monoMs) || subject.isUndated(now.monoMs)) {
    withdraw(subject, witness);
    stateUnknown(witness, subject, now);
    return lookAgainMonoMs;
  }
  // Who has its majority back was cut off itself: what it did not hear meanwhile is no silence.
  const heardAgainMonoMs = subject.unsureMonoMs + subject.patienceMs;
  if (now.monoMs <= heardAgainMonoMs) return Math.min(lookAgainMonoMs, heardAgainMonoMs + 1);
  // What is accused is said at once: a verdict must not rest on an accusation that nobody else heard.
  const { quietUntilMonoMs } = witness.statements;
  if (now.monoMs < quietUntilMonoMs) {
    witness.statements.wait(subject);
    return Math.min(lookAgainMonoMs, quietUntilMonoMs);
  }
  const name = subject.newestName;
  if (subject.own === undefined || comparePulseNames(subject.own.name, name) !== 0) {
    if (!mayStandAlone(witness, subject, now) && !isSeconded(witness, subject, now))
      return lookAgainMonoMs;
    accuse(witness, subject, now);
  }
  return Math.min(lookAgainMonoMs, repeat(witness, subject, now));
}

/** Names the newest pulse known in a new standing accusation. */
function accuse(witness: Witness, subject: Subject, now: Now): void {
  const name = subject.newestName;
  witness.recordAccusation(subject, now);
  subject.own = {
    name,
    commit: witness.env.out.pendingCommit(),
    sinceMonoMs: now.monoMs,
    repeats: 0,
    restatedMonoMs: now.monoMs,
  };
  subject.accusations.set(witness.env.identity.self, {
    name,
    namedMonoMs: now.monoMs,
    seenMonoMs: now.monoMs,
  });
  witness.statements.say("accuse", subject);
}

/** Repeats a fresh accusation and restates a standing one; returns when the next is due. */
function repeat(witness: Witness, subject: Subject, now: Now): number {
  const own = subject.own;
  if (own === undefined) return Number.POSITIVE_INFINITY;
  // On a disk that takes nothing the first one still waits; saying it again would be saying what is not durable.
  if (!witness.statements.isOut(subject)) own.sinceMonoMs = own.restatedMonoMs = now.monoMs;
  const nextRepeatMs = REPEATS_MS[own.repeats];
  if (nextRepeatMs !== undefined && now.monoMs >= own.sinceMonoMs + nextRepeatMs) {
    own.repeats += 1;
    // Repeats are against loss; where this many say the same, no reader lacks a quorum.
    const { accusations } = subject;
    const isSame = (named: PulseName): boolean => comparePulseNames(named, own.name) === 0;
    if (!witness.electorate.isSaidByEnough(subject, accusations, isSame)) {
      own.restatedMonoMs = now.monoMs;
      witness.statements.say("accuse", subject);
    }
  } else if (now.monoMs >= restateMonoMs(witness, subject, own)) {
    own.restatedMonoMs = now.monoMs;
    witness.statements.say("accuse", subject);
  }
  const opinion = subject.accusations.get(witness.env.identity.self);
  if (opinion !== undefined) opinion.seenMonoMs = now.monoMs;
  const followingRepeatMs = REPEATS_MS[own.repeats];
  const dueMonoMs = restateMonoMs(witness, subject, own);
  return followingRepeatMs === undefined
    ? dueMonoMs
    : Math.min(dueMonoMs, own.sinceMonoMs + followingRepeatMs);
}

/**
 * When a standing accusation is restated next. Of a member that has long been dead everybody knows, and who comes new waits anyway: each witness speaks in
 * every other turn, and half of them in each, so that whoever listens for eight intervals hears some, and within twelve all.
 */
function restateMonoMs(
  { env, electorate }: Witness,
  { node }: Subject,
  own: OwnAccusation,
): number {
  const turnMs = RESTATE_INTERVALS * env.config.pulseEveryMs;
  const standingMs = STANDING_INTERVALS * env.config.pulseEveryMs;
  const stoodMs = own.restatedMonoMs - own.sinceMonoMs - standingMs;
  if (stoodMs < 0) return own.restatedMonoMs + turnMs;
  const isEarly = electorate.witnessesOf(node).indexOf(env.identity.self) % 2 === 1;
  const aheadMs = isEarly ? turnMs : 0;
  const turns = Math.floor((stoodMs + aheadMs) / (2 * turnMs)) + 1;
  return own.sinceMonoMs + standingMs + turns * 2 * turnMs - aheadMs;
}

/** The own accusation no longer stands; others drop theirs of this node when they learn of the newer pulse, or by expiry. */
export function withdraw(subject: Subject, witness: Witness): void {
  if (subject.own === undefined) return;
  subject.accusedName = subject.own.name;
  subject.own = undefined;
  witness.statements.unsay(subject);
  subject.accusations.delete(witness.env.identity.self);
}

/**
 * It lives, so this node's accusation stands no more. In a large fleet others may have made a verdict of it that this node, which hears the
 * subject, never makes, or hold it for standing: they learn of its end from who accused (rule PU8). An answer, the loss of the majority or a
 * region that came back may have ended it here before, without a word.
 */
export function takeBack(witness: Witness, subject: Subject, now: Now): void {
  withdraw(subject, witness);
  const { accusedName } = subject;
  if (accusedName === undefined) return;
  subject.accusedName = undefined;
  if (witness.electorate.isLarge) sayUp(witness, subject, accusedName, now);
}

/** Without a majority in sight a witness states `unknown`, as often as it would restate an accusation. */
function stateUnknown(witness: Witness, subject: Subject, now: Now): void {
  const everyMs = RESTATE_INTERVALS * witness.env.config.pulseEveryMs;
  const name = subject.newestName;
  const atMonoMs = now.monoMs;
  // It misses the subject itself as well: else its accusation would end with the majority that it takes, and come back with it.
  subject.unknowns.set(witness.env.identity.self, {
    name,
    namedMonoMs: atMonoMs,
    seenMonoMs: atMonoMs,
  });
  if (atMonoMs - subject.upStatedMonoMs < everyMs) return;
  subject.upStatedMonoMs = atMonoMs;
  // Readers of a large fleet count it with the silent, until they are told that it is heard again (rule VE2).
  subject.accusedName ??= name;
  witness.statements.say("unknown", subject);
}

/**
 * Whether this node may be the first to accuse. After objections running it holds its own link to be at fault, for as long as others say
 * that they hear the subject; and not for ever, or witnesses that were all objected to would wait for each other while one liar objects.
 */
function mayStandAlone(witness: Witness, subject: Subject, now: Now): boolean {
  if (subject.objectedRunning < OBJECTED_RUNNING_LIMIT) return true;
  if (witness.electorate.freshWitnesses(subject, now.monoMs) === 0) return true;
  const patienceMs = ALONE_INTERVALS * witness.env.config.pulseEveryMs;
  return now.monoMs - subject.deadlineMonoMs > patienceMs;
}

/** Another live accusation names the same newest pulse. */
function isSeconded(witness: Witness, subject: Subject, now: Now): boolean {
  const expireMs = EXPIRE_INTERVALS * witness.env.config.pulseEveryMs;
  for (const [accuser, opinion] of subject.accusations) {
    if (accuser === witness.env.identity.self || now.monoMs - opinion.seenMonoMs > expireMs)
      continue;
    if (comparePulseNames(opinion.name, subject.newestName) === 0) return true;
  }
  return false;
}

/** A witness that misses too many pulses, or gets all of them too late, says so where others do not hear it from its own (rules PU7, PU8). */
export function stateTrouble(witness: Witness, subject: Subject, now: Now): void {
  const { electorate, statements, env } = witness;
  if (!electorate.isLarge || !electorate.mayAccuse || !electorate.isDuty(subject.node)) return;
  const isLossy = subject.loss.isLossy();
  const isDelayed = subject.isDelayed(now.monoMs);
  // Whoever gets so much late or not at all that it sees no majority is at fault itself, or all of its region is.
  if (!(isLossy || isDelayed) || !electorate.hasMajority(now.monoMs)) return;
  const everyMs = RESTATE_INTERVALS * env.config.pulseEveryMs;
  if (isLossy && now.monoMs - subject.lossStatedMonoMs >= everyMs) {
    subject.lossStatedMonoMs = now.monoMs;
    statements.say("lossy", subject);
  }
  if (isDelayed && now.monoMs - subject.delayStatedMonoMs >= everyMs) {
    subject.delayStatedMonoMs = now.monoMs;
    statements.say("delayed", subject);
  }
}

/** This node saw a subject alive again that it held for dead, judged by `judgedBy`: say so, once and restated. */
export function sayUp(witness: Witness, subject: Subject, judgedBy: PulseName, now: Now): void {
  if (!witness.electorate.mayAccuse || !witness.electorate.isDuty(subject.node)) return;
  subject.upRestates = UP_RESTATES;
  subject.upStatedMonoMs = now.monoMs;
  subject.downName = judgedBy;
  // Everybody notices at one moment; the others' turn comes with the first restatement, if it is still needed then.
  if (witness.electorate.speaksFirst(subject.node, subject.node, now.monoMs))
    witness.statements.say("up", subject);
}

/** Restates `up` while the subject is fresh; returns when the next is due. */
export function restateUp(witness: Witness, subject: Subject, now: Now): number {
  if (subject.upRestates <= 0) return Number.POSITIVE_INFINITY;
  if (!subject.isFresh(now.monoMs)) {
    subject.upRestates = 0;
    return Number.POSITIVE_INFINITY;
  }
  const first = subject.upRestates === UP_RESTATES;
  const dueMonoMs =
    subject.upStatedMonoMs + (first ? 1 : RESTATE_INTERVALS) * witness.env.config.pulseEveryMs;
  if (now.monoMs < dueMonoMs) return dueMonoMs;
  subject.upRestates -= 1;
  subject.upStatedMonoMs = now.monoMs;
  const isLater = (named: PulseName): boolean => comparePulseNames(named, subject.downName) > 0;
  if (!witness.electorate.isSaidByEnough(subject, subject.ups, isLater))
    witness.statements.say("up", subject);
  return now.monoMs + RESTATE_INTERVALS * witness.env.config.pulseEveryMs;
}
