/**
 * Asking a member for its newest pulse (rule PU9): in a large fleet what a node knows of robots whose home it does not judge is as old as the
 * last pulse that the home gossiped, two minutes or more. Who wants to know now is connected with the home for a moment, and reads what that says itself.
 *
 * The answer is the home's own pulse, straight from it, so it needs no proof beyond its signature, and nobody can answer for another. It dates
 * nothing (rule PU5): it is read as a gossiped one. Rejected: asking the home's witnesses, which keep headers and no beats.
 */
import type { Asked, NotAsked } from "../command.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Liveness } from "./liveness.ts";

/** How long an answer is waited for: a dial, a handshake, and a place among the connections. */
export const ASK_MS_MAX: number = 4_000;
/** A connected member that has not answered is asked again: it answers one peer twice a second at most. */
const ASK_AGAIN_MS: number = 1_000;
/** Members that are asked at one time: each is a connection more. */
export const ASKED_NODES_MAX: number = 4;
/** Who waits for answers at one time. */
export const ASKERS_MAX: number = 64;

/** What asking takes of a node among its neighbours. */
export interface AskingMesh {
  readonly liveness: Liveness;
  readonly connected: ReadonlySet<NodeId>;
  isSelf(node: NodeId): boolean;
  askFor(node: NodeId, now: Now): void;
}

/** What came of it: whom it asked, or why nobody. */
export type AskedReply = (said: {
  readonly asked: readonly Asked[];
  readonly notAsked?: NotAsked | undefined;
}) => void;

interface Asker {
  readonly sinceMonoMs: number;
  readonly reply: AskedReply;
}

interface Question {
  readonly askers: Asker[];
  isAnswered: boolean;
  /** Whether it was connected while it was asked. */
  hasMet: boolean;
  /** When it was asked last, if it was connected. */
  askedMonoMs: number;
}

export class Asking {
  readonly #env: Env;
  readonly #mesh: AskingMesh;
  readonly #questions = new Map<NodeId, Question>();

  constructor(env: Env, mesh: AskingMesh) {
    this.#env = env;
    this.#mesh = mesh;
  }

  /** Replies with whom it asked: nobody, where this node hears the member itself, or where it is none. */
  ask(node: NodeId | undefined, reply: AskedReply, now: Now): void {
    const notAsked = this.#whyNot(node, now);
    if (node === undefined || notAsked !== undefined) {
      reply({ asked: [], notAsked });
      return;
    }
    let question = this.#questions.get(node);
    const askers = [...this.#questions.values()].reduce(
      (sum, { askers: { length } }) => sum + length,
      0,
    );
    const isFull = question === undefined && this.#questions.size >= ASKED_NODES_MAX;
    if (isFull || askers >= ASKERS_MAX) {
      reply({ asked: [{ node, outcome: "busy", waitedMs: 0 }] });
      return;
    }
    if (question === undefined) {
      question = {
        askers: [],
        isAnswered: false,
        hasMet: false,
        askedMonoMs: Number.NEGATIVE_INFINITY,
      };
      this.#questions.set(node, question);
      this.#link();
    }
    question.askers.push({ sinceMonoMs: now.monoMs, reply });
    this.#askAgain(now);
    this.#schedule();
  }

  /**
   * A pulse of a peer came straight from it, and was taken, or is the newest that was known: it has no newer one. By gossip comes no answer: whoever has
   * recordings of a dead home could give it.
   */
  cameFrom(peer: NodeId): void {
    const question = this.#questions.get(peer);
    if (question !== undefined) question.isAnswered = true;
  }

  /** Ends an input: whoever has an answer is told, and who has waited for long enough. */
  look(now: Now): void {
    if (this.#questions.size === 0) return;
    let isOver = false;
    for (const [node, { askers, isAnswered, hasMet }] of this.#questions) {
      const done = isAnswered
        ? askers.splice(0)
        : askers.splice(
            0,
            askers.filter(({ sinceMonoMs }) => now.monoMs - sinceMonoMs >= ASK_MS_MAX).length,
          );
      for (const { sinceMonoMs, reply } of done) {
        const waitedMs = now.monoMs - sinceMonoMs;
        const outcome = isAnswered ? "answered" : "silent";
        const isConnected = isAnswered ? undefined : hasMet;
        reply({ asked: [{ node, outcome, waitedMs, isConnected }] });
      }
      if (askers.length > 0) continue;
      this.#questions.delete(node);
      isOver = true;
    }
    if (isOver) this.#link();
    this.#askAgain(now);
    this.#schedule();
  }

  /** Who is not connected yet sends its newest pulse when it is. */
  #askAgain(now: Now): void {
    for (const [node, question] of this.#questions) {
      if (!this.#mesh.connected.has(node)) {
        question.askedMonoMs = Number.NEGATIVE_INFINITY;
        continue;
      }
      question.hasMet = true;
      if (now.monoMs - question.askedMonoMs < ASK_AGAIN_MS) continue;
      question.askedMonoMs = now.monoMs;
      this.#mesh.askFor(node, now);
    }
  }

  /** Up to 32 members everybody hears everybody, and so does a witness its subjects: there is nothing to ask, also where one is not heard now. */
  #whyNot(node: NodeId | undefined, now: Now): NotAsked | undefined {
    const { liveness } = this.#mesh;
    if (node === undefined) return "no-home";
    if (this.#mesh.isSelf(node)) return "self";
    const subject = liveness.ofMember(node, now);
    if (subject === undefined) return "no-member";
    const { electorate } = liveness;
    if (electorate.isLarge && !electorate.isDuty(node)) return undefined;
    return subject.isFresh(now.monoMs) ? "heard" : "unheard";
  }

  #link(): void {
    this.#env.out.linksToAsk([...this.#questions.keys()].toSorted());
  }

  #schedule(): void {
    let due = Number.POSITIVE_INFINITY;
    for (const { askers, askedMonoMs } of this.#questions.values()) {
      due = Math.min(due, (askers[0]?.sinceMonoMs ?? Infinity) + ASK_MS_MAX);
      // Who is not connected is asked when it is.
      if (Number.isFinite(askedMonoMs)) due = Math.min(due, askedMonoMs + ASK_AGAIN_MS);
    }
    if (Number.isFinite(due)) this.#env.out.setTimer("ask", due);
  }
}
