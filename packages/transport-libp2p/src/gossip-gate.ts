/**
 * Gossip is for who was let in (rule ME3): the router hears of a peer when this gate is opened for it, and until then neither sends it anything
 * nor reads a byte of its streams.
 *
 * A low score in the router for everybody else was turned down. Scores are kept for a second and whoever had a good one is listened to for as
 * long again, so an expelled peer would go on; and a member's subscriptions, which are said once, would be lost when they come a moment too soon.
 */
import type { gossipsub } from "@libp2p/gossipsub";
import type { Connection, Stream, StreamHandler, Topology } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { NodeId } from "@pulsemesh/core";
import { GossipStreams } from "./gossip-streams.ts";
import { patientTimer } from "./patient-timer.ts";

/** Most bytes of a gossip stream that wait until its peer is let in; more resets the stream. */
export const EARLY_GOSSIP_BYTES_MAX: number = 64 * 1024;

/** Most streams of a peer that is heard no more that wait unread until it is hung up on, the latest; an honest one has one a connection. */
export const MUTED_STREAMS_MAX: number = 4;

/** Most bytes of each of them; more resets the stream. */
export const MUTED_GOSSIP_BYTES_MAX: number = 256 * 1024;

export type GossipComponents = Parameters<ReturnType<typeof gossipsub>>[0];
type Registrar = GossipComponents["registrar"];

/** Of a peer that the gate is open for. */
interface Heard {
  /**
   * Those that have not ended, the latest last, with how many bytes may wait in each: the router goes on reading each that it has taken on, also where
   * it has a later one.
   */
  readonly streams: Map<Stream, number>;
  /** It is heard no more. */
  isMuted: boolean;
}

interface Held {
  readonly stream: Stream;
  readonly readBytesMax: number;
  readonly take: () => void;
}

export class GossipGate {
  readonly #open = new Map<NodeId, Heard>();
  /** Connections to peers that speak gossip and are not let in yet: of several any may be the one that stays. */
  readonly #met = new Map<NodeId, readonly Connection[]>();
  /** Their streams, the latest of each. */
  readonly #held = new Map<NodeId, Held>();
  readonly #streams: GossipStreams;
  #router: Topology | undefined;

  constructor(after: typeof patientTimer = patientTimer) {
    const ready = (connection: Connection): void =>
      void this.#router?.onConnect?.(connection.remotePeer, this.#streams.handed(connection));
    this.#streams = new GossipStreams({ ready, after });
  }

  /** What the router is to be made of, so that it learns of peers here. */
  guard(components: GossipComponents): GossipComponents {
    const { privateKey, peerId, peerStore, connectionManager, logger } = components;
    const registrar = this.#guardRegistrar(components.registrar);
    return { privateKey, peerId, peerStore, connectionManager, logger, registrar };
  }

  /** `node` was let in: gossip runs from now on. */
  open(node: NodeId): void {
    const heard = this.#open.get(node) ?? { streams: new Map(), isMuted: false };
    this.#open.set(node, heard);
    if (heard.isMuted)
      for (const [stream, readBytesMax] of heard.streams) hearAgain(stream, readBytesMax);
    heard.isMuted = false;
    const met = this.#met.get(node) ?? [];
    const held = this.#held.get(node);
    this.#met.delete(node);
    this.#held.delete(node);
    for (const connection of met) this.#streams.offer(connection);
    if (held?.stream.status !== "open") return;
    held.stream.maxReadBufferLength = held.readBytesMax;
    held.take();
  }

  /**
   * Not a byte of `node` is read any more, which hears gossip until the gate is closed. That the router takes nothing of it in is more than that nobody listens:
   * what comes again from somebody else would be known by then.
   */
  mute(node: NodeId): void {
    const heard = this.#open.get(node);
    if (heard === undefined) return;
    heard.isMuted = true;
    // What was sent lies in memory from now on: hundreds of streams with what libp2p lets wait in each would be the process's end.
    const streams = [...heard.streams.keys()];
    for (const stream of streams.slice(0, -MUTED_STREAMS_MAX)) stream.abort(new Error("muted"));
    // The others are not aborted: whoever loses the stream on which it speaks takes the one on which it hears for lost too.
    for (const stream of streams.slice(-MUTED_STREAMS_MAX)) {
      if (stream.readStatus === "readable") stream.pause();
      stream.maxReadBufferLength = MUTED_GOSSIP_BYTES_MAX;
    }
  }

  /** `node` is gone, or in no longer: what it says until it is hung up on is not read either. */
  close(node: NodeId): void {
    this.mute(node);
    this.#met.delete(node);
    this.#held.get(node)?.stream.abort(new Error("not let in"));
    this.#held.delete(node);
    // Before the router gives its stream up, which would have another one opened.
    this.#streams.end(node);
    if (this.#open.delete(node)) void this.#router?.onDisconnect?.(peerIdFromString(node));
  }

  /** What the router is to take in of a frame of `node`, which it may have read before the gate was closed, or the node muted. */
  heardOf(node: NodeId): "everything" | "subscriptions" | "nothing" {
    const heard = this.#open.get(node);
    if (heard === undefined) return "nothing";
    return heard.isMuted ? "subscriptions" : "everything";
  }

  #guardRegistrar(registrar: Registrar): Registrar {
    const handle: Registrar["handle"] = (protocol, handler, options) => {
      this.#streams.speak(protocol);
      return registrar.handle(protocol, this.#guardStreams(handler), options);
    };
    // The router registers the same for each version of its protocol.
    const register: Registrar["register"] = (protocol, topology, options) => {
      this.#router = topology;
      return registrar.register(protocol, this.#guardTopology(topology), options);
    };
    return Object.assign(Object.create(registrar) as Registrar, { handle, register });
  }

  #guardTopology(topology: Topology): Topology {
    return {
      ...topology,
      onConnect: (peer, connection) => {
        const node = peer.toString();
        if (this.#open.has(node)) return this.#streams.offer(connection);
        const others = this.#met
          .get(node)
          ?.filter((other) => isOpen(other) && other !== connection);
        if (isOpen(connection)) this.#met.set(node, [...(others ?? []), connection]);
      },
      // It comes late, maybe after the peer has come back: {@link close} has told the router already.
      onDisconnect: (peer) =>
        this.#open.has(peer.toString()) ? undefined : topology.onDisconnect?.(peer),
    };
  }

  #guardStreams(handler: StreamHandler): StreamHandler {
    return (stream, connection) => {
      const node = connection.remotePeer.toString();
      const take = (): ReturnType<StreamHandler> => {
        const streams = this.#open.get(node)?.streams;
        streams?.set(stream, stream.maxReadBufferLength);
        stream.addEventListener("close", () => streams?.delete(stream));
        this.#streams.offer(connection);
        return handler(stream, this.#streams.handed(connection));
      };
      if (this.#open.get(node)?.isMuted === false) return take();
      this.#held.get(node)?.stream.abort(new Error("another stream has come"));
      const readBytesMax = stream.maxReadBufferLength;
      stream.maxReadBufferLength = EARLY_GOSSIP_BYTES_MAX;
      this.#held.set(node, { stream, readBytesMax, take: () => void take() });
    };
  }
}

function isOpen({ status }: Connection): boolean {
  return status === "open";
}

/** A stream that was closed politely while bytes of it lay unread is paused for ever by its own word, and throws where it is resumed. */
function hearAgain(stream: Stream, readBytesMax: number): void {
  if (stream.status !== "open" || stream.readStatus !== "paused") return;
  stream.maxReadBufferLength = readBytesMax;
  try {
    stream.resume();
  } catch (error) {
    // It was lost in this moment: its peer takes another one.
    stream.abort(error instanceof Error ? error : new Error("cannot be read"));
  }
}
