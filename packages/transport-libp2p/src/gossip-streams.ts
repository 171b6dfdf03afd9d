/**
 * Opens the streams that this node's gossip goes out on. The router would open them one after the other: a single member whose link stalls would keep all
 * others waiting for the ten seconds that libp2p takes to give a stream up, and after a cut there are as many of those as there were links. So they are opened
 * here, beside each other, and the router is told of a peer when its stream stands.
 *
 * Of two connections to one peer either may be closed while the stream is being opened on it, or later; then the other one is taken. What fails is tried
 * again for as long as a connection stands.
 *
 * Whoever loses the stream on which it speaks makes the router part from it: that closes its half of the stream on which this node speaks, and asks for another
 * one when the peer comes back. Nothing else says that it is given up; to reset it was rejected, as then the peer's router would part from this node in turn.
 */
import type { Connection, Stream } from "@libp2p/interface";
import type { NodeId } from "@pulsemesh/core";
import type { patientTimer } from "./patient-timer.ts";

/** Wait before a stream that did not come about, or was lost, is opened again. */
export const STREAM_AGAIN_MS: number = 1_000;
/** Longest that a stream may take to be opened, or one that was given up to be closed by the peer: what waits in it is held in memory. */
export const STREAM_MS: number = 10_000;

interface Outgoing {
  /** That may carry it, the oldest first. */
  connections: readonly Connection[];
  /** Stands, or is under way on one of the connections. */
  isBusy: boolean;
  /** Opened, and not yet taken by the router. */
  stream: Stream | undefined;
  callOff: (() => void) | undefined;
  readonly ended: AbortController;
}

export interface GossipStreamsDeps {
  /** The router is to learn of the peer at the other end, whose stream stands. */
  readonly ready: (connection: Connection) => void;
  /** Calls a task later; answers how to call it off. */
  readonly after: typeof patientTimer;
}

export class GossipStreams {
  readonly #deps: GossipStreamsDeps;
  readonly #protocols: string[] = [];
  readonly #outgoing = new Map<NodeId, Outgoing>();

  constructor(deps: GossipStreamsDeps) {
    this.#deps = deps;
  }

  /** The router speaks this one as well; those named first are preferred. */
  speak(protocol: string): void {
    this.#protocols.push(protocol);
  }

  /** A connection to a peer that may hear gossip. Who makes us lose a stream and offers the same connection by another one of his waits as long as ever. */
  offer(connection: Connection): void {
    const node = connection.remotePeer.toString();
    const outgoing = this.#outgoing.get(node) ?? newOutgoing();
    this.#outgoing.set(node, outgoing);
    if (outgoing.connections.includes(connection)) return;
    outgoing.connections = [...outgoing.connections.filter(isOpen), connection];
    this.#openIfNone(outgoing);
  }

  /** `node` is to hear nothing any more. */
  end(node: NodeId): void {
    const outgoing = this.#outgoing.get(node);
    this.#outgoing.delete(node);
    outgoing?.callOff?.();
    outgoing?.ended.abort();
    outgoing?.stream?.abort(new Error("gossip ended"));
  }

  /** What the router is given in place of `connection`: on it a new stream is the one that was opened here, or fails at once. */
  handed(connection: Connection): Connection {
    const newStream: Connection["newStream"] = async () => this.#take(connection);
    return new Proxy(connection, {
      // What it says of itself it keeps where only it can read. The router reads no more than that: another of its methods would have to be bound.
      get: (target, key): unknown =>
        key === "newStream" ? newStream : Reflect.get(target, key, target),
    });
  }

  #take({ remotePeer }: Connection): Stream {
    const outgoing = this.#outgoing.get(remotePeer.toString());
    const stream = outgoing?.stream;
    if (outgoing !== undefined) outgoing.stream = undefined;
    if (stream?.status !== "open") throw new Error("no stream for gossip stands");
    return stream;
  }

  #openIfNone(outgoing: Outgoing): void {
    const connection = outgoing.connections.find(isOpen);
    if (outgoing.isBusy || connection === undefined) return;
    outgoing.callOff?.();
    outgoing.callOff = undefined;
    outgoing.isBusy = true;
    void this.#open(outgoing, connection);
  }

  async #open(outgoing: Outgoing, connection: Connection): Promise<void> {
    const { signal } = outgoing.ended;
    try {
      const stream = await connection.newStream(this.#protocols, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(STREAM_MS)]),
      });
      if (signal.aborted) return stream.abort(new Error("gossip ended"));
      if (stream.status !== "open") return this.#lost(outgoing, connection);
      this.#watch(stream, () => this.#lost(outgoing, connection));
      outgoing.stream = stream;
      this.#deps.ready(connection);
    } catch {
      this.#lost(outgoing, connection);
    }
  }

  /** Calls `lost` once, be the stream gone or given up by the router. */
  #watch(stream: Stream, lost: () => void): void {
    let isLost = false;
    const lose = (): void => {
      if (!isLost) lost();
      isLost = true;
    };
    const close = stream.close.bind(stream);
    stream.close = async (options) => {
      lose();
      const callOff = this.#deps.after(STREAM_MS, () => stream.abort(new Error("not closed")));
      stream.addEventListener("close", callOff, { once: true });
      await close(options);
    };
    stream.addEventListener("close", lose, { once: true });
  }

  /** A stream is gone, or did not come about: with its connection, then there may be another one, or by itself. */
  #lost(outgoing: Outgoing, connection: Connection): void {
    if (outgoing.ended.signal.aborted) return;
    outgoing.isBusy = false;
    outgoing.stream = undefined;
    if (isOpen(connection))
      outgoing.callOff = this.#deps.after(STREAM_AGAIN_MS, () => this.#openIfNone(outgoing));
    else this.#openIfNone(outgoing);
  }
}

function newOutgoing(): Outgoing {
  return {
    connections: [],
    isBusy: false,
    stream: undefined,
    callOff: undefined,
    ended: new AbortController(),
  };
}

function isOpen({ status }: Connection): boolean {
  return status === "open";
}
