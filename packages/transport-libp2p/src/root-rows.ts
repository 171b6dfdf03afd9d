/**
 * Asks a node for its row of root statements before it is judged (rule ME2), and answers such questions. Who was made a member long ago, and knows nobody,
 * cannot know who makes members today, and nobody whom it does not let in would tell it by gossip or sync. Nor would anybody tell who is let in no longer
 * by what, where that was said while it did not listen: so it asks the member that does not let it in.
 *
 * Only this node asks, and only whom it was to find or holds for a member, so a stranger has nobody read anything. The question is the asker's grant: who is
 * asked may not have judged its hello yet.
 */
import { performance } from "node:perf_hooks";
import type { Connection, Stream } from "@libp2p/interface";
import { GRANT_LENGTH_MAX, ROOT_ROW_BYTES_MAX } from "@pulsemesh/core";
import type { FleetId, FormerAnswer, NodeId } from "@pulsemesh/core";
import { closeSoftly } from "./close-softly.ts";
import { FormerRows } from "./former-rows.ts";
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { LastQuestions } from "./last-questions.ts";
import { readOneFrame } from "./one-frame.ts";
import { PeerBudget } from "./peer-budget.ts";
import { rootsProtocol } from "./protocol-ids.ts";
import { RootRowTurns, WHY_AGAIN_FACTOR } from "./root-row-turns.ts";
import type { RootRowTurnsDeps } from "./root-row-turns.ts";
import { sendInPieces } from "./sent-pieces.ts";

/** Questions of one node that are answered at once; after that one every five seconds. */
const ROOT_ROWS_AT_ONCE_MAX = 4;
const ROOT_ROWS_PER_SECOND = 0.2;
const STREAMS_AT_ONCE = 2;
const QUESTION_MS = 5_000;
/** From the opening of the stream to the last byte of the answer. */
const ROOT_ROW_MS_MAX = 8_000;
/** Until the first byte of one that does not let this node in: it may be a member that means to hold others up. */
export const WHY_FIRST_BYTE_MS: number = 2_000;
/** Who says no sooner has held up nobody, and may have good reason to ask to be asked again: it has just started. */
const QUICK_MS = 1_000;

export interface RootRowsDeps extends RootRowTurnsDeps {
  readonly host: Host;
  readonly fleet: FleetId;
  /** What `node`, which presents this grant, is told; undefined where it is not let in. */
  readonly rowFor: (node: NodeId, grant: string) => Uint8Array | undefined;
  /** The same of one that is let in no longer; undefined where it never was. */
  readonly formerRowFor: (node: NodeId, grant: string) => Uint8Array | undefined;
  /** The row of `node`, which was asked for it; true where all in it was known, so that no signature was looked at. */
  readonly take: (node: NodeId, row: Uint8Array) => boolean;
  /** `node` was asked, and has said none. */
  readonly silent: (node: NodeId) => void;
  /** `node`, which is let in no longer, has asked. */
  readonly formerAsked: (node: NodeId, answer: FormerAnswer) => void;
}

export class RootRows {
  readonly #deps: RootRowsDeps;
  readonly #protocol: string;
  readonly #budget = new PeerBudget({
    atOnceMax: ROOT_ROWS_AT_ONCE_MAX,
    perSecondMax: ROOT_ROWS_PER_SECOND,
  });
  readonly #turns: RootRowTurns;
  /** Of those that do not let this node in: they keep no newcomer waiting. */
  readonly #whyTurns: RootRowTurns;
  readonly #asked = new Map<NodeId, Promise<void>>();
  readonly #former: FormerRows;
  readonly #lastQuestions: LastQuestions;
  /** Of those that are let in no longer: resolves once it is told, or is told no more. */
  readonly #telling = new Map<NodeId, Promise<void>>();
  /** The last row that was told, made ready once for all who ask. */
  #told: { readonly row: Uint8Array; readonly frame: Uint8Array } | undefined;

  constructor(deps: RootRowsDeps) {
    this.#deps = deps;
    this.#protocol = rootsProtocol(deps.fleet);
    this.#turns = new RootRowTurns(deps);
    this.#whyTurns = new RootRowTurns(deps, WHY_AGAIN_FACTOR);
    this.#former = new FormerRows(deps.now);
    this.#lastQuestions = new LastQuestions(deps.after);
  }

  async start(): Promise<void> {
    await this.#deps.host.handle(this.#protocol, this.#answer, {
      maxInboundStreams: STREAMS_AT_ONCE,
      maxOutboundStreams: STREAMS_AT_ONCE,
    });
  }

  /**
   * Has the row of the node behind `connection` taken, where it says one and is to be asked now. Never rejects.
   * @param grants of this node, to ask with: one after the other, until a row is told
   * @param isNeeded whether the row may help still; what others have told meanwhile may do
   * @param isWhy whether it does not let this node in, and is asked for that
   */
  async ask(
    connection: Connection,
    grants: readonly string[],
    isNeeded: () => boolean,
    isWhy: boolean = false,
  ): Promise<void> {
    const node = connection.remotePeer.toString();
    // It has said hello on two connections, as happens where both have dialled: one question is enough, unless it went under with its connection.
    for (let asked = this.#asked.get(node); asked !== undefined; asked = this.#asked.get(node))
      await asked;
    if (!isNeeded()) return;
    const asked = this.#askInTurn(connection, grants, isNeeded, isWhy);
    this.#asked.set(node, asked);
    await asked;
  }

  async #askInTurn(
    connection: Connection,
    grants: readonly string[],
    isNeeded: () => boolean,
    isWhy: boolean,
  ): Promise<void> {
    const node = connection.remotePeer.toString();
    const turns = isWhy ? this.#whyTurns : this.#turns;
    if (await turns.take(node)) {
      const beganAtMs = this.#deps.now();
      let row: Uint8Array | undefined;
      let lastMs = 0;
      let isAsked = false;
      for (const grant of grants) {
        // Who takes its time is not asked once more: the answer to a hello is waited for.
        if (row !== undefined || lastMs >= QUICK_MS || !isNeeded()) break;
        isAsked = true;
        const askedAtMs = this.#deps.now();
        row = await this.#ask(connection, grant, isWhy ? WHY_FIRST_BYTE_MS : ROOT_ROW_MS_MAX);
        lastMs = this.#deps.now() - askedAtMs;
      }
      if (isAsked && row === undefined) this.#deps.silent(node);
      const tookMs = this.#deps.now() - beganAtMs;
      if (row === undefined) turns.give(node, tookMs < QUICK_MS ? "nothing" : "useless", tookMs);
      else {
        // By a row of what is all here nobody waits for his turn: where nobody is a member any more, all have the same.
        const cost = this.#deps.take(node, row) ? "useless" : "costly";
        turns.give(node, isNeeded() ? cost : "helped", tookMs);
      }
    }
    this.#asked.delete(node);
  }

  async #ask(
    connection: Connection,
    grant: string,
    firstByteMs: number,
  ): Promise<Uint8Array | undefined> {
    const limit = new AbortController();
    const callOffFirst = this.#deps.after(firstByteMs, () => limit.abort());
    const callOff = this.#deps.after(ROOT_ROW_MS_MAX, () => limit.abort());
    let stream: Stream | undefined;
    try {
      stream = await connection.newStream(this.#protocol, {
        signal: limit.signal,
        maxOutboundStreams: STREAMS_AT_ONCE,
      });
      const late = stream;
      limit.signal.addEventListener("abort", () => late.abort(new Error("no answer in time")));
      stream.addEventListener("message", callOffFirst);
      const answer = readOneFrame(stream, ROOT_ROW_BYTES_MAX, ROOT_ROW_MS_MAX);
      // A stream that is gone already throws at the first byte: then nobody waits for the answer, and its end must not end the process.
      answer.catch(ignoreClosed);
      stream.send(encodeFrame(Buffer.from(grant)));
      const row = await answer;
      closeSoftly(stream);
      return row;
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error("no answer"));
      return undefined;
    } finally {
      callOff();
      callOffFirst();
    }
  }

  /** This node parts from them: they may ask why. */
  expelled(nodes: readonly NodeId[]): void {
    this.#former.expelled(nodes);
  }

  /** Resolves once `node`, which was refused just now and has shown `grant`, is being told why, or asks no more. */
  async asked(node: NodeId, grant: string): Promise<void> {
    const row = this.#deps.formerRowFor(node, grant);
    if (row === undefined) return await this.#lastQuestions.wait(node, "stranger");
    // Who would be told nothing is hung up on as ever.
    if (!this.#former.mayAsk(node, row)) return undefined;
    const kind = this.#former.isExpelledLately(node) ? "expelled" : "former";
    return await this.#lastQuestions.wait(node, kind);
  }

  /** Resolves once `node`, which is let in no longer, has been told what it is being told, within {@link ROOT_ROW_MS_MAX}. */
  async told(node: NodeId): Promise<void> {
    await this.#telling.get(node);
  }

  /** No connection of `node` is left. */
  gone(node: NodeId): void {
    this.#lastQuestions.over(node);
  }

  readonly #answer = async (stream: Stream, connection: Connection): Promise<void> => {
    const node = connection.remotePeer.toString();
    const end = this.#lastQuestions.begin(node);
    try {
      if (!this.#budget.take(node, performance.now())) throw new Error("too many questions");
      const question = await readOneFrame(stream, GRANT_LENGTH_MAX, QUESTION_MS);
      const grant = Buffer.from(question).toString();
      const row = this.#deps.rowFor(node, grant);
      if (row === undefined) this.#answerFormer(stream, node, grant);
      else this.#tell(stream, row);
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("no answer"));
    } finally {
      end();
    }
  };

  #answerFormer(stream: Stream, node: NodeId, grant: string): void {
    const row = this.#deps.formerRowFor(node, grant);
    if (row === undefined) throw new Error("not let in");
    if (!this.#former.begin(node, row)) {
      this.#deps.formerAsked(node, "former-not-now");
      throw new Error("not now");
    }
    const frame = this.#frameOf(row);
    let sentBytes = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#telling.set(node, promise);
    const end = (): void => {
      // A later answer may be under way.
      if (this.#telling.get(node) !== promise) return;
      callOff();
      this.#former.end(node, sentBytes);
      this.#telling.delete(node);
      resolve();
      const isWhole = sentBytes === frame.length;
      this.#deps.formerAsked(node, isWhole ? "told-former" : "former-broke-off");
    };
    // Whoever reads slowly is not waited for.
    const callOff = this.#deps.after(ROOT_ROW_MS_MAX, () => {
      stream.abort(new Error("too slow"));
      end();
    });
    stream.addEventListener("close", end);
    sendInPieces(stream, frame, (bytes) => (sentBytes += bytes)).then(
      () => closeSoftly(stream, ROOT_ROW_MS_MAX),
      end,
    );
    // The answer itself is waited for from now on, and no further question.
    this.#lastQuestions.over(node);
  }

  #tell(stream: Stream, row: Uint8Array): void {
    if (stream.status !== "open") return;
    stream.send(this.#frameOf(row));
    closeSoftly(stream, ROOT_ROW_MS_MAX);
  }

  #frameOf(row: Uint8Array): Uint8Array {
    if (this.#told?.row !== row) this.#told = { row, frame: encodeFrame(row) };
    return this.#told.frame;
  }
}

function ignoreClosed(): void {
  // The stream is gone, and with it what was to be closed.
}
