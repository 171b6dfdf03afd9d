/**
 * Where strangers may ask to be made members (rule ME7): the one protocol that is answered before a peer is let in, and only while an invite is open,
 * since it is registered then alone. One question, one answer, both opaque here. Whoever asks too often is hung up on before his question is read.
 */
import type { Connection, Stream } from "@libp2p/interface";
import type { FleetId, NodeId } from "@pulsemesh/core";
import { performance } from "node:perf_hooks";
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { readOneFrame } from "./one-frame.ts";
import { PeerBudget } from "./peer-budget.ts";
import { closedProtocol, enrolmentProtocol } from "./protocol-ids.ts";

/** Largest question, in bytes. */
export const ENROLMENT_REQUEST_BYTES_MAX: number = 8 * 1024;
/** Largest answer, in bytes: as many root statements as there may be, each as long as it may be, the charter and a grant. */
export const ENROLMENT_ANSWER_BYTES_MAX: number = 4 * 1024 * 1024;
/** Questions that are being answered, of all strangers together; one more is hung up on. */
export const ENROLMENTS_RUNNING_MAX: number = 4;
/** Questions of one stranger at once; after that one every five seconds. */
export const QUESTIONS_AT_ONCE_MAX: number = 4;
const QUESTIONS_PER_SECOND = 0.2;
const STREAMS_AT_ONCE = 2;
const QUESTION_MS = 5_000;

/** Answers a stranger's question; throws where there is no answer. */
export type AnswerEnrolment = (node: NodeId, request: Uint8Array) => Promise<Uint8Array>;

/** Made by who runs the node, and handed to its transport, whose host it stands at. */
export class EnrolmentDesk {
  readonly #rejected: (node: NodeId) => void;
  readonly #budget = new PeerBudget({
    atOnceMax: QUESTIONS_AT_ONCE_MAX,
    perSecondMax: QUESTIONS_PER_SECOND,
  });
  #at: { readonly host: Host; readonly fleet: FleetId; readonly protocol: string } | undefined;
  #isMarked = false;
  /** `expected`: nobody answers yet. */
  #answer: AnswerEnrolment | "expected" | undefined;
  readonly #first = Promise.withResolvers<AnswerEnrolment | undefined>();
  #waiting = 0;
  #running = 0;

  /** @param rejected somebody was hung up on before his question was read */
  constructor(rejected: (node: NodeId) => void) {
    this.#rejected = rejected;
  }

  attach(host: Host, fleet: FleetId): void {
    this.#at = { host, fleet, protocol: enrolmentProtocol(fleet) };
  }

  /** Questions that wait for somebody to answer; a stranger is hung up on after some seconds, so of no more than may be connected. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Opens the desk before there is anybody to answer: who asks waits until {@link serve} says who does, or that nobody does. */
  expect(): Promise<void> {
    return this.#open("expected");
  }

  /** Opens the desk, or closes it when nobody answers any more. */
  serve(answer: AnswerEnrolment | undefined): Promise<void> {
    this.#first.resolve(answer);
    return this.#open(answer);
  }

  async #open(answer: AnswerEnrolment | "expected" | undefined): Promise<void> {
    const wasOpen = this.#answer !== undefined;
    this.#answer = answer;
    if (this.#at === undefined || wasOpen === (answer !== undefined)) return;
    const { host, protocol } = this.#at;
    if (answer === undefined) await host.unhandle(protocol);
    else
      await host.handle(protocol, this.#receive, {
        maxInboundStreams: STREAMS_AT_ONCE,
        maxOutboundStreams: STREAMS_AT_ONCE,
      });
  }

  /** Lets newcomers see that only who is granted it is let in. */
  async markClosed(): Promise<void> {
    if (this.#isMarked || this.#at === undefined) return;
    this.#isMarked = true;
    const { host, fleet } = this.#at;
    const nothing = (stream: Stream): void => stream.abort(new Error("nothing is said here"));
    await host.handle(closedProtocol(fleet), nothing, { maxInboundStreams: 1 });
  }

  readonly #receive = async (stream: Stream, connection: Connection): Promise<void> => {
    const node = connection.remotePeer.toString();
    if (this.#answer === undefined || !this.#budget.take(node, performance.now()))
      return this.#turnAway(node, stream);
    try {
      const request = await readOneFrame(stream, ENROLMENT_REQUEST_BYTES_MAX, QUESTION_MS);
      const answer = this.#answer === "expected" ? await this.#wait(stream) : this.#answer;
      if (answer === undefined) throw new Error("nobody answers here");
      // Counted from here on: whoever is slow to ask, or to take his answer, keeps nobody else waiting.
      if (this.#running >= ENROLMENTS_RUNNING_MAX) return this.#turnAway(node, stream);
      const bytes = await this.#run(() => answer(node, request));
      if (stream.status !== "open") return;
      stream.send(encodeFrame(bytes));
      await stream.close();
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("no answer"));
    }
  };

  /** Who answers, once that is known; undefined where nobody does, or the stranger is gone before. */
  async #wait(stream: Stream): Promise<AnswerEnrolment | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const onClose = (): void => resolve(undefined);
    stream.addEventListener("close", onClose);
    this.#waiting += 1;
    try {
      return await Promise.race([this.#first.promise, promise]);
    } finally {
      this.#waiting -= 1;
      stream.removeEventListener("close", onClose);
    }
  }

  #turnAway(node: NodeId, stream: Stream): void {
    this.#rejected(node);
    stream.abort(new Error("too many questions"));
  }

  async #run(answer: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#running += 1;
    try {
      return await answer();
    } finally {
      this.#running -= 1;
    }
  }
}
