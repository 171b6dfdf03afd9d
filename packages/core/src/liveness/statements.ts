/**
 * Collects what this node has to say about others while one input is handled, and sends it as one signed observation at the end of
 * the input: to the verdict topic, and straight to those whom it concerns. Statements of accusation are durable first (rule DU2):
 * they wait for the commit of the input, which holds their audit entry.
 */
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import {
  OBSERVATION_ITEMS_MAX,
  sealObservation,
  type ObservationKind,
  type Statement,
} from "./observation-codec.ts";
import { NO_PULSE, type Subject } from "./subject.ts";

/** Who this node is at the moment: its boot, and how long that has lasted. */
export interface Author {
  readonly boot: number;
  upMs(now: Now): number;
}

export class Statements {
  readonly #env: Env;
  readonly #author: Author;
  #seqBoot = 0;
  #seq = 0;
  #public: Statement[] = [];
  readonly #direct = new Map<NodeId, Statement[]>();

  constructor(env: Env, author: Author) {
    this.#env = env;
    this.#author = author;
  }

  /** Says something of a subject to everybody. */
  say(kind: ObservationKind, subject: Subject): void {
    this.#public.push(statementOf(kind, subject));
  }

  /** Says something of a subject to one node only, over a stream. */
  tell(to: NodeId, kind: ObservationKind, subject: Subject): void {
    const statements = this.#direct.get(to) ?? [];
    statements.push(statementOf(kind, subject));
    this.#direct.set(to, statements);
  }

  /** Ends an input: signs and sends what was collected. */
  flush(now: Now): void {
    // Between two boots nothing can be said: no boot is durable to say it under. What still holds is restated later.
    if (this.#author.boot === 0) {
      this.#public = [];
      this.#direct.clear();
      return;
    }
    if (this.#public.length > 0) {
      const after = this.#env.out.pendingCommit();
      for (const chunk of chunksOf(this.#public)) {
        const bytes = this.#seal(chunk, now);
        this.#env.out.publish("verdict", bytes, after);
        for (const statement of chunk) {
          if (statement.kind === "accuse")
            this.#env.out.send(statement.subject, "direct", bytes, after);
        }
      }
      this.#public = [];
    }
    for (const [to, statements] of this.#direct) {
      for (const chunk of chunksOf(statements))
        this.#env.out.send(to, "direct", this.#seal(chunk, now));
    }
    this.#direct.clear();
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

function statementOf(kind: ObservationKind, subject: Subject): Statement {
  const evidence = subject.known;
  const name =
    evidence === undefined ? NO_PULSE : { boot: evidence.header.boot, seq: evidence.header.seq };
  return { kind, subject: subject.node, name, evidence };
}

function* chunksOf(statements: readonly Statement[]): Generator<readonly Statement[]> {
  for (let start = 0; start < statements.length; start += OBSERVATION_ITEMS_MAX) {
    yield statements.slice(start, start + OBSERVATION_ITEMS_MAX);
  }
}
