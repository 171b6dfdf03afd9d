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
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { readOneFrame } from "./one-frame.ts";
import { PeerBudget } from "./peer-budget.ts";
import { rootsProtocol } from "./protocol-ids.ts";

/** Questions of one node that are answered at once; after that one every five seconds. */
const ROOT_ROWS_AT_ONCE_MAX = 4;
const ROOT_ROWS_PER_SECOND = 0.2;
/** Nodes asked at once; who comes meanwhile is judged by what is known. */
const ROOT_ROWS_ASKED_MAX = 2;
const STREAMS_AT_ONCE = 2;
const QUESTION_MS = 5_000;
/** Within the time for which the peer waits for the answer to its hello. */
const ROOT_ROW_MS_MAX = 8_000;

export interface RootRowsDeps {
  readonly host: Host;
  readonly fleet: FleetId;
  /** What `node`, which presents this grant, is told; undefined where it is not let in. */
  readonly rowFor: (node: NodeId, grant: string) => Uint8Array | undefined;
}

export class RootRows {
  readonly #deps: RootRowsDeps;
  readonly #protocol: string;
  readonly #budget = new PeerBudget({
    atOnceMax: ROOT_ROWS_AT_ONCE_MAX,
    perSecondMax: ROOT_ROWS_PER_SECOND,
  });
  readonly #asked = new Map<NodeId, Promise<Uint8Array | undefined>>();

  constructor(deps: RootRowsDeps) {
    this.#deps = deps;
    this.#protocol = rootsProtocol(deps.fleet);
  }

  async start(): Promise<void> {
    await this.#deps.host.handle(this.#protocol, this.#answer, {
      maxInboundStreams: STREAMS_AT_ONCE,
      maxOutboundStreams: STREAMS_AT_ONCE,
    });
  }

  /**
   * The row of the node behind `connection`; undefined where it says none, or too many others are being asked. Never rejects.
   * @param grant what this node presents with its hello
   */
  async ask(connection: Connection, grant: string): Promise<Uint8Array | undefined> {
    const node = connection.remotePeer.toString();
    // It has said hello on two connections, as happens where both have dialled: refused on one it would lose the other.
    const asked = this.#asked.get(node);
    if (asked !== undefined) return asked;
    if (this.#asked.size >= ROOT_ROWS_ASKED_MAX) return undefined;
    const answer = this.#ask(connection, grant);
    this.#asked.set(node, answer);
    try {
      return await answer;
    } finally {
      this.#asked.delete(node);
    }
  }

  async #ask(connection: Connection, grant: string): Promise<Uint8Array | undefined> {
    let stream: Stream | undefined;
    try {
      stream = await connection.newStream(this.#protocol, {
        signal: AbortSignal.timeout(ROOT_ROW_MS_MAX),
        maxOutboundStreams: STREAMS_AT_ONCE,
      });
      const answer = readOneFrame(stream, ROOT_ROW_BYTES_MAX, ROOT_ROW_MS_MAX);
      // A stream that is gone already throws at the first byte: then nobody waits for the answer, and its end must not end the process.
      answer.catch(ignoreClosed);
      stream.send(encodeFrame(Buffer.from(grant)));
      const bytes = await answer;
      void stream.close().catch(ignoreClosed);
      return bytes;
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error("no answer"));
      return undefined;
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
      await stream.close();
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("no answer"));
    }
  };
}

function ignoreClosed(): void {
  // The stream is gone, and with it what was to be closed.
}
