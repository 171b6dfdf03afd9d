/**
 * Asks a node for its row of root statements before it is judged (rule ME2), and answers such questions. Who was made a member long ago, and knows nobody,
 * cannot know who makes members today, and nobody whom it does not let in would tell it by gossip or sync.
 *
 * Only this node asks, and only whom it was to find, so a stranger has nobody read anything. The question is the asker's grant: who is asked may not have
 * judged its hello yet.
 */
import { performance } from "node:perf_hooks";
import type { Connection, Stream } from "@libp2p/interface";
import { GRANT_LENGTH_MAX, ROOT_ROW_BYTES_MAX } from "@pulsemesh/core";
import type { FleetId, NodeId } from "@pulsemesh/core";
import { closeSoftly } from "./close-softly.ts";
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { readOneFrame } from "./one-frame.ts";
import { PeerBudget } from "./peer-budget.ts";
import { rootsProtocol } from "./protocol-ids.ts";
import { RootRowTurns } from "./root-row-turns.ts";
import type { RootRowTurnsDeps } from "./root-row-turns.ts";

/** Questions of one node that are answered at once; after that one every five seconds. */
const ROOT_ROWS_AT_ONCE_MAX = 4;
const ROOT_ROWS_PER_SECOND = 0.2;
const STREAMS_AT_ONCE = 2;
const QUESTION_MS = 5_000;
/** From the opening of the stream to the last byte of the answer. */
const ROOT_ROW_MS_MAX = 8_000;
/** Who says no sooner has held up nobody, and may have good reason to ask to be asked again: it has just started. */
const QUICK_MS = 1_000;

export interface RootRowsDeps extends RootRowTurnsDeps {
  readonly host: Host;
  readonly fleet: FleetId;
  /** What `node`, which presents this grant, is told; undefined where it is not let in. */
  readonly rowFor: (node: NodeId, grant: string) => Uint8Array | undefined;
  /** The row of `node`, which was asked for it. */
  readonly take: (node: NodeId, row: Uint8Array) => void;
  /** `node` was asked, and has said none. */
  readonly silent: (node: NodeId) => void;
}

export class RootRows {
  readonly #deps: RootRowsDeps;
  readonly #protocol: string;
  readonly #budget = new PeerBudget({
    atOnceMax: ROOT_ROWS_AT_ONCE_MAX,
    perSecondMax: ROOT_ROWS_PER_SECOND,
  });
  readonly #turns: RootRowTurns;
  readonly #asked = new Map<NodeId, Promise<void>>();

  constructor(deps: RootRowsDeps) {
    this.#deps = deps;
    this.#protocol = rootsProtocol(deps.fleet);
    this.#turns = new RootRowTurns(deps);
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
   */
  async ask(
    connection: Connection,
    grants: readonly string[],
    isNeeded: () => boolean,
  ): Promise<void> {
    const node = connection.remotePeer.toString();
    // It has said hello on two connections, as happens where both have dialled: one question is enough, unless it went under with its connection.
    for (let asked = this.#asked.get(node); asked !== undefined; asked = this.#asked.get(node))
      await asked;
    if (!isNeeded()) return;
    const asked = this.#askInTurn(connection, grants, isNeeded);
    this.#asked.set(node, asked);
    await asked;
  }

  async #askInTurn(
    connection: Connection,
    grants: readonly string[],
    isNeeded: () => boolean,
  ): Promise<void> {
    const node = connection.remotePeer.toString();
    if (await this.#turns.take(node)) {
      const beganAtMs = this.#deps.now();
      let row: Uint8Array | undefined;
      let tookMs = 0;
      let isAsked = false;
      for (const grant of grants) {
        // Who takes its time is not asked once more: the answer to a hello is waited for.
        if (row !== undefined || tookMs >= QUICK_MS || !isNeeded()) break;
        isAsked = true;
        row = await this.#ask(connection, grant);
        tookMs = this.#deps.now() - beganAtMs;
      }
      if (isAsked && row === undefined) this.#deps.silent(node);
      if (row === undefined) this.#turns.give(node, tookMs < QUICK_MS ? "nothing" : "useless");
      else {
        this.#deps.take(node, row);
        this.#turns.give(node, isNeeded() ? "costly" : "helped");
      }
    }
    this.#asked.delete(node);
  }

  async #ask(connection: Connection, grant: string): Promise<Uint8Array | undefined> {
    const limit = new AbortController();
    const callOff = this.#deps.after(ROOT_ROW_MS_MAX, () => limit.abort());
    let stream: Stream | undefined;
    try {
      stream = await connection.newStream(this.#protocol, {
        signal: limit.signal,
        maxOutboundStreams: STREAMS_AT_ONCE,
      });
      const late = stream;
      limit.signal.addEventListener("abort", () => late.abort(new Error("no answer in time")));
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
    }
  }

  readonly #answer = async (stream: Stream, connection: Connection): Promise<void> => {
    const node = connection.remotePeer.toString();
    try {
      if (!this.#budget.take(node, performance.now())) throw new Error("too many questions");
      const question = await readOneFrame(stream, GRANT_LENGTH_MAX, QUESTION_MS);
      const row = this.#deps.rowFor(node, Buffer.from(question).toString());
      if (row === undefined) throw new Error("not let in");
      if (stream.status !== "open") return;
      stream.send(encodeFrame(row));
      closeSoftly(stream, ROOT_ROW_MS_MAX);
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("no answer"));
    }
  };
}

function ignoreClosed(): void {
  // The stream is gone, and with it what was to be closed.
}
