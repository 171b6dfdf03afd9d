/** Everything held for one peer that has said hello: what it told, its sending queues and its inbound streams. */
import { performance } from "node:perf_hooks";
import type { Connection, Stream } from "@libp2p/interface";
import { DIRECT_FRAME_BYTES_MAX, SYNC_FRAME_BYTES_MAX } from "@pulsemesh/core";
import type { Channel, FleetId, NodeId, PeerInfo, TransportRejectReason } from "@pulsemesh/core";
import { InboundChannel } from "./inbound-channel.ts";
import {
  DIRECT_QUEUE_BYTES_MAX,
  DIRECT_QUEUE_FRAMES_MAX,
  OutboundChannel,
  SYNC_QUEUE_BYTES_MAX,
  SYNC_QUEUE_FRAMES_MAX,
} from "./outbound-channel.ts";
import type { QueueLimits } from "./outbound-channel.ts";
import type { PartialFrames } from "./partial-frames.ts";
import type { patientTimer } from "./patient-timer.ts";
import { channelProtocol } from "./protocol-ids.ts";

/** Most streams that one peer may have open towards this node on one channel; one is in use, others are being replaced. */
const INBOUND_STREAMS_MAX: number = 4;
/** Such streams of a peer that is no member: a further one takes the place of the one before. */
const STRANGER_STREAMS_MAX: number = 1;
/**
 * How long a stream waits for the hello. One that comes first is no attack: what the other side says once it has let this node in may overtake
 * its answer. Reset at once, it would cost members their first frames.
 */
const EARLY_WAIT_MS = 5_000;
/** Most bytes of a stream that wait for the hello. */
const EARLY_BYTES_MAX: number = 64 * 1024;
/** How long the opening of a stream may take. */
const OPEN_TIMEOUT_MS = 10_000;

const FRAME_LIMITS: Readonly<Record<Channel, number>> = {
  direct: DIRECT_FRAME_BYTES_MAX,
  sync: SYNC_FRAME_BYTES_MAX,
};
const QUEUE_LIMITS: Readonly<Record<Channel, QueueLimits>> = {
  direct: { bytesMax: DIRECT_QUEUE_BYTES_MAX, framesMax: DIRECT_QUEUE_FRAMES_MAX },
  sync: { bytesMax: SYNC_QUEUE_BYTES_MAX, framesMax: SYNC_QUEUE_FRAMES_MAX },
};

interface SessionListener {
  message(from: NodeId, channel: Channel, bytes: Uint8Array): void;
  rejected(reason: TransportRejectReason, from: NodeId): void;
}

interface EarlyStream {
  /** Begins to read. */
  readonly open: () => void;
  /** Ends the wait. */
  readonly callOff: () => void;
}

export interface SessionDeps {
  /** Open connections to the peer, oldest first. */
  readonly connections: () => readonly Connection[];
  readonly listener: SessionListener;
  /** Whether the peer is a member, or named by the user. */
  readonly isTrusted: () => boolean;
  readonly partials: PartialFrames;
  /** Calls a task later; answers how to call it off. */
  readonly after: typeof patientTimer;
}

export interface SessionOptions {
  readonly node: NodeId;
  readonly fleet: FleetId;
  readonly frameTimeoutMs: number;
  readonly drainTimeoutMs: number;
}

export class PeerSession {
  /** Undefined until both sides have said hello; streams that came before wait for it. */
  info: PeerInfo | undefined;
  instance: string | undefined;
  roundTripMs: number | undefined;
  /** When anything was last heard that proves the connection works. */
  answeredAtMs: number = performance.now();
  /** The addresses of others that its last hello told and that may be believed of a member. */
  told: { readonly known: readonly string[]; readonly heard: readonly string[] } = {
    known: [],
    heard: [],
  };
  /** Whether gossip streams ran both ways once. */
  gossiped = false;
  /** Looks in a row at which a gossip stream was missing. */
  gossipMisses = 0;
  readonly #deps: SessionDeps;
  readonly #options: SessionOptions;
  readonly #outbound = new Map<Channel, OutboundChannel>();
  /** The streams that wait for the hello; one that has ended waits no more, so that opening many costs nothing. */
  readonly #early = new Map<InboundChannel, EarlyStream>();
  readonly #inbound: Readonly<Record<Channel, Set<InboundChannel>>> = {
    direct: new Set(),
    sync: new Set(),
  };

  constructor(deps: SessionDeps, options: SessionOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get node(): NodeId {
    return this.#options.node;
  }

  get connections(): readonly Connection[] {
    return this.#deps.connections();
  }

  /** Hello is done: takes over what it said, and begins to read what came before it. */
  up(info: PeerInfo, instance: string): void {
    const first = this.info === undefined;
    this.info = info;
    this.instance = instance;
    if (!first) return;
    for (const { open, callOff } of this.#early.values()) {
      callOff();
      open();
    }
    this.#early.clear();
  }

  send(channel: Channel, bytes: Uint8Array): Promise<boolean> {
    if (this.info === undefined || bytes.length === 0 || bytes.length > FRAME_LIMITS[channel])
      return Promise.resolve(false);
    const outbound = this.#outbound.get(channel) ?? this.#newOutbound(channel);
    return outbound.send(bytes);
  }

  /** Takes an inbound stream on, or refuses it when the peer has too many. */
  receive(channel: Channel, stream: Stream): void {
    const streams = this.#inbound[channel];
    if (!this.#deps.isTrusted()) this.#giveUpAllBut(STRANGER_STREAMS_MAX - 1, streams);
    if (streams.size >= INBOUND_STREAMS_MAX) {
      this.#deps.listener.rejected("overloaded", this.node);
      stream.abort(new Error("too many streams"));
      return;
    }
    const inbound: InboundChannel = new InboundChannel(
      {
        stream,
        now: () => performance.now(),
        listener: {
          frame: (bytes) => this.#deps.listener.message(this.node, channel, bytes),
          rejected: (reason) => this.#deps.listener.rejected(reason, this.node),
          held: (bytes) => this.#deps.partials.hold(inbound, bytes, this.#deps.isTrusted()),
          ended: () => {
            streams.delete(inbound);
            this.#early.get(inbound)?.callOff();
            this.#early.delete(inbound);
          },
        },
      },
      { frameBytesMax: FRAME_LIMITS[channel], frameTimeoutMs: this.#options.frameTimeoutMs },
    );
    streams.add(inbound);
    const open = (): void => {
      stream.maxReadBufferLength = FRAME_LIMITS[channel] * 2;
      inbound.open();
    };
    if (this.info !== undefined) {
      open();
      return;
    }
    stream.maxReadBufferLength = EARLY_BYTES_MAX;
    const callOff = this.#deps.after(EARLY_WAIT_MS, () => inbound.giveUp("stream-timeout"));
    this.#early.set(inbound, { open, callOff });
  }

  #giveUpAllBut(count: number, streams: ReadonlySet<InboundChannel>): void {
    for (const inbound of [...streams].slice(0, Math.max(0, streams.size - count)))
      inbound.giveUp();
  }

  sweep(): void {
    for (const inbound of [...this.#inbound.direct, ...this.#inbound.sync]) inbound.sweep();
  }

  close(): void {
    for (const outbound of this.#outbound.values()) outbound.close();
    for (const inbound of [...this.#inbound.direct, ...this.#inbound.sync]) inbound.close();
  }

  #newOutbound(channel: Channel): OutboundChannel {
    const open = async (): Promise<Stream> => {
      const [connection] = this.connections;
      if (connection === undefined) throw new Error("not connected");
      const signal = AbortSignal.timeout(OPEN_TIMEOUT_MS);
      return connection.newStream(channelProtocol(this.#options.fleet, channel), { signal });
    };
    const outbound = new OutboundChannel(
      { open, after: this.#deps.after },
      QUEUE_LIMITS[channel],
      this.#options.drainTimeoutMs,
    );
    this.#outbound.set(channel, outbound);
    return outbound;
  }
}
