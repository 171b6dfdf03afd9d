/**
 * Collects what this node has to say about others, and sends it as one signed observation at the end of an input: to the verdict topic,
 * and straight to those whom it concerns. The first word is said at once; then this node is quiet for a quarter of an interval, and says
 * together what came meanwhile, so that how often it speaks does not grow with how many others are in trouble. An objection that keeps a
 * verdict from settling waits much less (ADR 0012).
 *
 * An accusation is durable first (rule DU2): however it is said, it waits for the commit that holds its audit entry, and until that is known
 * to be durable it is not said again. Nothing else waits for a disk: a slow one must not keep a node from objecting.
 */
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { CommitId } from "../input.ts";
import type { Now } from "../now.ts";
import {
  OBSERVATION_ITEMS_MAX,
  sealObservation,
  type ObservationKind,
  type Statement,
} from "./observation-codec.ts";
import { SAY_INTERVALS, SAY_SETTLES, URGENT_SETTLES } from "./rules.ts";
import { NO_PULSE, type Subject } from "./subject.ts";

/** Who this node is at the moment: its boot, and how long that has lasted. */
export interface Author {
  readonly boot: number;
  upMs(now: Now): number;
}

interface Said {
  readonly statement: Statement;
  /** What must be durable before; undefined when it is, or needs not be. */
  readonly after: CommitId | undefined;
}

export class Statements {
  readonly #env: Env;
  readonly #author: Author;
  /** Hears of everything that is said to everybody. */
  readonly #saidToAll: (bytes: Uint8Array, now: Now) => void;
  #seqBoot = 0;
  #seq = 0;
  #durable: CommitId = 0;
  /** What is to be said to everybody, one opinion and one objection a subject: a later one takes the place of an earlier one. */
  readonly #public = new Map<
    string,
    { readonly kind: ObservationKind; readonly subject: Subject }
  >();
  #saidMonoMs = Number.NEGATIVE_INFINITY;
  /** Whether something waits that keeps a verdict from settling. */
  #isUrgent = false;
  /** Who may have to be accused as soon as this node may speak. */
  readonly #waiting = new Set<Subject>();
  readonly #direct = new Map<NodeId, Said[]>();

  constructor(env: Env, author: Author, said: (bytes: Uint8Array, now: Now) => void = () => {}) {
    this.#env = env;
    this.#author = author;
    this.#saidToAll = said;
  }

  /** Until then what is to be said to everybody waits. */
  get quietUntilMonoMs(): number {
    const { pulseEveryMs, settleMs } = this.#env.config;
    const quietMs = this.#isUrgent
      ? URGENT_SETTLES * settleMs
      : Math.min(SAY_INTERVALS * pulseEveryMs, SAY_SETTLES * settleMs);
    return this.#saidMonoMs + quietMs;
  }

  /**
   * Says something of a subject to everybody, with the newest pulse that is known when it is said. An accusation rests on the pulse that is
   * known now and counts as said at once: it is for the caller to make none while this node is quiet.
   */
  say(kind: ObservationKind, subject: Subject): void {
    const place = placeOf(kind, subject);
    this.#public.delete(place);
    this.#public.set(place, { kind, subject });
  }

  /** Objects to a verdict that is about to settle: this waits for no more than a sixth of the time that it takes to settle. */
  objectNow(subject: Subject): void {
    this.say("object", subject);
    this.#isUrgent = true;
  }

  /** Takes back an accusation that has not left this node. */
  unsay(subject: Subject): void {
    this.#public.delete(placeOf("accuse", subject));
  }

  /** This node was away: what it was about to say is worth little (rule PU6). */
  forget(): void {
    this.#public.clear();
    this.#waiting.clear();
    this.#isUrgent = false;
  }

  /** An accusation of the subject may be due and cannot be said yet. */
  wait(subject: Subject): void {
    this.#waiting.add(subject);
  }

  /** Once this node may speak: whoever waited for that, or nobody. An accusation would else lose its turn to answers that come first. */
  takeWaiting(now: Now): readonly Subject[] {
    if (this.#waiting.size === 0 || now.monoMs < this.quietUntilMonoMs) return [];
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  /** Says something of a subject to one node only, over a stream. */
  tell(to: NodeId, kind: ObservationKind, subject: Subject): void {
    const statements = this.#direct.get(to) ?? [];
    statements.push(this.#said(kind, subject));
    this.#direct.set(to, statements);
  }

  /** This commit and all before it are durable. */
  committed(commit: CommitId): void {
    this.#durable = commit;
  }

  /** Whether the own accusation of the subject is known to be durable, and so is with the others. */
  isOut({ own }: Subject): boolean {
    return own?.commit === undefined || own.commit <= this.#durable;
  }

  /** Ends an input: signs and sends what was collected. */
  flush(now: Now): void {
    // Between two boots nothing can be said: no boot is durable to say it under. What still holds is restated later.
    if (this.#author.boot === 0) {
      this.forget();
      this.#direct.clear();
      return;
    }
    if (this.#public.size > 0) this.#flushPublic(now);
    for (const [to, said] of this.#direct) {
      for (const { statements, after } of chunksOf(said))
        this.#env.out.send(to, "direct", this.#seal(statements, now), after);
    }
    this.#direct.clear();
  }

  #flushPublic(now: Now): void {
    if (now.monoMs < this.quietUntilMonoMs) {
      this.#env.out.setTimerBy("watch", this.quietUntilMonoMs);
      return;
    }
    this.#saidMonoMs = now.monoMs;
    this.#isUrgent = false;
    const said = [...this.#public.values()].map(({ kind, subject }) => this.#said(kind, subject));
    this.#public.clear();
    for (const { statements, after } of chunksOf(said)) {
      const bytes = this.#seal(statements, now);
      this.#env.out.publish("verdict", bytes, after);
      this.#saidToAll(bytes, now);
      for (const { kind, subject } of statements)
        if (kind === "accuse") this.#env.out.send(subject, "direct", bytes, after);
    }
  }

  #said(kind: ObservationKind, subject: Subject): Said {
    const isHeldBack = kind === "accuse" && !this.isOut(subject);
    return {
      statement: statementOf(kind, subject),
      after: isHeldBack ? subject.own?.commit : undefined,
    };
  }

  #seal(statements: readonly Statement[], now: Now): Uint8Array {
    const boot = this.#author.boot;
    if (boot !== this.#seqBoot) {
      this.#seqBoot = boot;
      this.#seq = 0;
    }
    this.#seq += 1;
    return sealObservation(this.#env, {
      boot,
      seq: this.#seq,
      upMs: this.#author.upMs(now),
      statements,
    });
  }
}

/** An objection and a complaint of loss or delay go with any opinion, opinions replace each other. */
function placeOf(kind: ObservationKind, subject: Subject): string {
  const isFurther = kind === "object" || kind === "lossy" || kind === "delayed";
  return `${isFurther ? kind : "opinion"} ${subject.node}`;
}

function statementOf(kind: ObservationKind, subject: Subject): Statement {
  const evidence = subject.known;
  const name =
    evidence === undefined ? NO_PULSE : { boot: evidence.header.boot, seq: evidence.header.seq };
  return { kind, subject: subject.node, name, evidence };
}

/** Messages of a size that is read, each of statements that wait for the same commit. */
function* chunksOf(
  said: readonly Said[],
): Generator<{ readonly statements: readonly Statement[]; readonly after: CommitId | undefined }> {
  if (said.length === 0) return;
  for (const after of new Set(said.map((one) => one.after))) {
    const statements = said.flatMap((one) => (one.after === after ? [one.statement] : []));
    for (let start = 0; start < statements.length; start += OBSERVATION_ITEMS_MAX)
      yield { statements: statements.slice(start, start + OBSERVATION_ITEMS_MAX), after };
  }
}
