/**
 * Answers to accusations of the living (rule VE3): whoever knows a newer pulse of the accused says so, with its signed header.
 *
 * Intuition: where one more accuser would make a quorum, two quorums of those who know better speak at once, because a verdict settles in
 * a moment and messages get lost; the others only where no answer has come by the middle of that moment (ADR 0012). A lone accuser does
 * no harm, and one answer tells it as much as thirty: two witnesses collect what it says for a
 * quarter of an interval and answer it all together, and the others speak only where no answer has come. Otherwise one liar could make every
 * member speak about every member twice an interval: 1,600 messages a second among 32. Whoever fakes an answer to keep the others silent
 * gains nothing: the accuser stays alone, or everybody speaks.
 */
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Electorate } from "./electorate.ts";
import { EXPIRE_INTERVALS, OBJECT_INTERVALS } from "./rules.ts";
import type { Statements } from "./statements.ts";
import type { Subject } from "./subject.ts";

/** Witnesses that answer a lone accuser for all: one alone could not speak for itself. */
const SPOKESMEN = 2;

export class Objections {
  readonly #env: Env;
  readonly #electorate: Electorate;
  readonly #statements: Statements;
  /** Subjects that a lone accuser has named, and by which pulse; bounded by the subjects that are followed. */
  readonly #waiting = new Map<Subject, PulseName>();
  #dueMonoMs = Number.POSITIVE_INFINITY;

  constructor(deps: {
    readonly env: Env;
    readonly electorate: Electorate;
    readonly statements: Statements;
  }) {
    this.#env = deps.env;
    this.#electorate = deps.electorate;
    this.#statements = deps.statements;
  }

  /** When {@link tick} is due; infinite while nobody waits for an answer. */
  get dueMonoMs(): number {
    return this.#dueMonoMs;
  }

  /** The witness `accuser` accused `subject` by the pulse `accused`; call it after its accusation has been noted. */
  accused(accuser: NodeId, subject: Subject, accused: PulseName, now: Now): void {
    const { known } = subject;
    if (this.#env.config.observer || known === undefined) return;
    // In a large fleet most know no more of it than what its witnesses have said.
    if (this.#electorate.isOthersDuty(subject.node)) return;
    if (comparePulseNames(known.header, accused) <= 0) return;
    const everyMs = OBJECT_INTERVALS * subject.intervalMs;
    if (now.monoMs - subject.objectedAtMonoMs < everyMs) return;
    const isLone = this.#isLone(subject, now);
    if (!isLone && this.#electorate.speaksFirst(accuser, subject.node, now.monoMs)) {
      this.#object(subject, now);
      return;
    }
    if (isAnswered(subject, accused, now.monoMs - everyMs)) return;
    const waiting = this.#waiting.get(subject);
    if (waiting === undefined || comparePulseNames(accused, waiting) > 0)
      this.#waiting.set(subject, accused);
    if (!isLone) this.#plan(now.monoMs + this.#env.config.settleMs / 2);
    // Whoever is asked again meanwhile does not begin to wait again.
    else if (waiting === undefined)
      this.#plan(now.monoMs + everyMs * this.#shareToWait(accuser, subject, now));
  }

  /** Another witness has vouched for a pulse of `subject`, with its header. */
  answered(subject: Subject, name: PulseName, now: Now): void {
    if (comparePulseNames(name, subject.newestName) > 0) return;
    subject.answer = { name, atMonoMs: now.monoMs };
    const accused = this.#waiting.get(subject);
    if (accused !== undefined && comparePulseNames(name, accused) > 0)
      this.#waiting.delete(subject);
    if (this.#waiting.size === 0) this.#dueMonoMs = Number.POSITIVE_INFINITY;
  }

  /** Says what has waited long enough. */
  tick(now: Now): void {
    if (now.monoMs < this.#dueMonoMs) return;
    this.#dueMonoMs = Number.POSITIVE_INFINITY;
    for (const subject of this.#waiting.keys()) this.#object(subject, now);
  }

  /** This node was away, and its word is worth little at the moment (rule PU6). */
  forget(): void {
    this.#waiting.clear();
    this.#dueMonoMs = Number.POSITIVE_INFINITY;
  }

  #plan(dueMonoMs: number): void {
    this.#dueMonoMs = Math.min(this.#dueMonoMs, dueMonoMs);
    this.#env.out.setTimerBy("watch", this.#dueMonoMs);
  }

  /** How long of the time that an answer may take: half for those who speak for all, the others wait until their words have come. */
  #shareToWait(accuser: NodeId, { node }: Subject, now: Now): number {
    if (this.#electorate.placeAfter(accuser, node, now.monoMs) < SPOKESMEN) return 0.5;
    return 0.75 + this.#env.ports.random.unit() / 4;
  }

  #object(subject: Subject, now: Now): void {
    this.#waiting.delete(subject);
    if (subject.known === undefined) return;
    const { boot, seq } = subject.known.header;
    subject.objectedAtMonoMs = now.monoMs;
    subject.answer = { name: { boot, seq }, atMonoMs: now.monoMs };
    if (this.#isLone(subject, now)) this.#statements.say("object", subject);
    else this.#statements.objectNow(subject);
  }

  /** Whether it takes at least two more accusers to make a quorum. */
  #isLone(subject: Subject, now: Now): boolean {
    const expireMs = EXPIRE_INTERVALS * this.#env.config.pulseEveryMs;
    let accusers = 0;
    for (const { seenMonoMs } of subject.accusations.values())
      if (now.monoMs - seenMonoMs <= expireMs) accusers += 1;
    return accusers + 1 < this.#electorate.quorumOver(subject.node);
  }
}

/** Whether somebody has vouched for a newer pulse than the accused one since `sinceMonoMs`. */
function isAnswered(subject: Subject, accused: PulseName, sinceMonoMs: number): boolean {
  const { answer } = subject;
  return (
    answer !== undefined &&
    answer.atMonoMs > sinceMonoMs &&
    comparePulseNames(answer.name, accused) > 0
  );
}
