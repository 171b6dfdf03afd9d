/**
 * The network of a run: gossip that floods the overlay hop by hop, each relay forwarding what its core has accepted, and ordered streams
 * between connected neighbours. Gossip is routed round a broken link as gossipsub does, and what a link has lost comes by its repair (IHAVE, see
 * `gossip-mesh.ts`). Under the model's `gossip: "plain"` everybody floods and nothing is repaired: a little harsher than the real thing.
 */
import { DIRECT_FRAME_BYTES_MAX, GOSSIP_BYTES_MAX, SYNC_FRAME_BYTES_MAX } from "@pulsemesh/core";
import type { Channel, Topic } from "@pulsemesh/core";
import type { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import { Connections } from "./connections.ts";
import type { Endpoint, Tap } from "./endpoint.ts";
import { GossipMesh } from "./gossip-mesh.ts";
import { GossipMessage } from "./gossip-message.ts";
import { Links } from "./links.ts";
import type { NetworkModel } from "./network-model.ts";
import { createOverlay, PLAIN_OVERLAY, TRANSPORT_OVERLAY } from "./overlay.ts";
import { startUpkeep } from "./upkeep.ts";
import { LIBP2P_ADDS, PAYLOAD_ALONE, TrafficCount } from "./traffic-count.ts";

const FRAME_BYTES_MAX: Readonly<Record<Channel, number>> = {
  direct: DIRECT_FRAME_BYTES_MAX,
  sync: SYNC_FRAME_BYTES_MAX,
};

export interface NetworkDeps {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly endpoints: readonly Endpoint[];
  readonly tap: Tap;
  readonly changed: () => void;
  /** See {@link createOverlay}. @default all are there from the start */
  readonly grownFrom?: number | undefined;
  /** See {@link createOverlay}. @default nothing is known of regions */
  readonly regions?: readonly string[] | undefined;
  /** Whether a frame is a pulse, for counting. @default none is */
  readonly isPulse?: ((channel: Channel, bytes: Uint8Array) => boolean) | undefined;
  /** See {@link Connections}. @default everybody connects to its neighbours */
  readonly mayConnect?: ((a: number, b: number) => boolean) | undefined;
}

export class Network {
  readonly links: Links;
  readonly connections: Connections;
  readonly traffic: TrafficCount;
  readonly neighbours: readonly (readonly number[])[];
  readonly #deps: NetworkDeps;
  readonly #random: SeededRandom;
  readonly #nodes: number;
  /** Undefined where gossip is plain. */
  readonly #mesh: GossipMesh | undefined;
  readonly #censors = new Map<number, (bytes: Uint8Array) => boolean>();

  constructor(deps: NetworkDeps, nodes: number, model: NetworkModel) {
    this.#deps = deps;
    this.#nodes = nodes;
    this.#random = deps.random.fork("gossip");
    const random = deps.random.fork("overlay");
    const isPlain = model.gossip === "plain";
    const overlay = isPlain ? PLAIN_OVERLAY : TRANSPORT_OVERLAY;
    this.neighbours = createOverlay(nodes, random, { ...deps, ...overlay });
    this.links = new Links({ clock: deps.clock, random: deps.random.fork("links") }, nodes, model);
    this.traffic = new TrafficCount(nodes, isPlain ? PAYLOAD_ALONE : LIBP2P_ADDS);
    this.connections = new Connections({
      clock: deps.clock,
      random: deps.random.fork("connections"),
      links: this.links,
      endpoints: deps.endpoints,
      neighbours: this.neighbours,
      changed: deps.changed,
      mayConnect: deps.mayConnect,
    });
    if (!isPlain) this.#mesh = this.#createMesh();
  }

  #createMesh(): GossipMesh {
    const { connections, traffic } = this;
    const links = {
      clock: this.#deps.clock,
      peersOf: (node: number) => connections.peersOf(node),
      areConnected: (a: number, b: number) => connections.areConnected(a, b),
    };
    const random = this.#deps.random.fork("upkeep");
    startUpkeep({ ...links, random, nodes: this.#nodes, traffic });
    return new GossipMesh({
      ...links,
      random: this.#deps.random.fork("mesh"),
      offered: (from, to, bytes) => traffic.kept(from, to, bytes),
      transmit: (message, from, to) => {
        const isPulse = message.topic === "pulse";
        traffic.copied("gossip", { from, to, bytes: message.bytes.length, isPulse });
        if (!message.hasSeen(to)) this.#transmit(message, from, to);
      },
    });
  }

  /** A node publishes bytes that it made, or that it replays. */
  publish(from: number, topic: Topic, bytes: Uint8Array): void {
    if (bytes.length > GOSSIP_BYTES_MAX) return;
    this.#deps.tap.published(from, topic, bytes);
    const message = new GossipMessage(topic, bytes, this.#nodes);
    message.markSeen(from, from);
    // A liar that keeps a node to itself does not speak up for it either.
    if (topic === "verdict" && !this.isRelay(from)) return;
    if (this.#mesh === undefined) this.#spread(message, from);
    else this.#mesh.publish(message, from);
  }

  /** From now on a hostile node keeps some messages of others to itself. */
  censor(node: number, keeps: (bytes: Uint8Array) => boolean): void {
    this.#censors.set(node, keeps);
  }

  /** Whether whatever flows from one node to another can flow back as well, by way of relays: then reach is a matter of pieces. */
  get isTwoWay(): boolean {
    return this.#censors.size === 0 && !this.links.isAnyOneWay;
  }

  /** Whether everything that comes to a node goes on to its neighbours. */
  isRelay(node: number): boolean {
    return !this.#censors.has(node);
  }

  /** A node's core has accepted a message, or made it. */
  forward(message: GossipMessage, from: number): void {
    if (this.#censors.get(from)?.(message.bytes) === true) return;
    if (this.#mesh === undefined) this.#spread(message, from);
    else this.#mesh.forward(message, from);
  }

  #spread(message: GossipMessage, from: number): void {
    const { connections, traffic } = this;
    const source = message.sourceOf(from);
    const isPulse = message.topic === "pulse";
    for (const to of this.neighbours[from] as readonly number[]) {
      if (!connections.areConnected(from, to)) continue;
      // Nobody knows what a neighbour has seen but of whom a message came from: each other copy travels, and most come second.
      if (to !== source)
        traffic.copied("gossip", { from, to, bytes: message.bytes.length, isPulse });
      if (!message.hasSeen(to)) this.#transmit(message, from, to);
    }
  }

  /** Queues one frame; false when the two are not connected, the frame is empty or too large, or the queue is full. */
  send(from: number, to: number, channel: Channel, bytes: Uint8Array): boolean {
    if (!this.connections.areConnected(from, to)) return false;
    if (bytes.length === 0 || bytes.length > FRAME_BYTES_MAX[channel]) return false;
    if (!this.links.queue(from, to, channel, bytes.length)) return false;
    const number = this.connections.numberOf(from, to);
    const frame = new FrameArrival(this, { from, to, channel, bytes, number });
    if (!this.links.isBlocked(from, to)) {
      this.#deps.clock.at(this.links.streamArrivalMs(from, to, channel), frame);
    } else if (!this.links.hold(from, to, frame)) {
      this.links.unqueue(from, to, channel, bytes.length);
      return false;
    }
    const isPulse = this.#deps.isPulse?.(channel, bytes) ?? false;
    this.traffic.copied("frame", { from, to, bytes: bytes.length, isPulse });
    this.#deps.tap.sent(from, to, channel, bytes);
    return true;
  }

  arrive(message: GossipMessage, from: number, to: number): void {
    const endpoint = this.#deps.endpoints[to] as Endpoint;
    if (message.hasSeen(to) || !endpoint.isRunning) return;
    message.markSeen(to, from);
    const { duplicateShare, verdictLossShare } = this.links.model;
    if (message.topic === "verdict" && this.#random.chance(verdictLossShare)) return;
    endpoint.gossip(message, from);
    if (this.#random.chance(duplicateShare)) {
      this.#deps.clock.call(this.#deps.clock.nowMs + this.#random.between(0, 5_000), () => {
        if (endpoint.isRunning) endpoint.gossip(message, from);
      });
    }
  }

  arriveFrame(frame: Frame): void {
    const endpoint = this.#deps.endpoints[frame.to] as Endpoint;
    const isCurrent =
      this.connections.areConnected(frame.from, frame.to) &&
      this.connections.numberOf(frame.from, frame.to) === frame.number;
    if (isCurrent) this.links.unqueue(frame.from, frame.to, frame.channel, frame.bytes.length);
    if (isCurrent && endpoint.isRunning) endpoint.frame(frame.channel, frame.from, frame.bytes);
  }

  #transmit(message: GossipMessage, from: number, to: number): void {
    if (this.links.isBlocked(from, to)) {
      // Where loss is a stall, a cut is a long one; where it is a gap, a cut is many of them.
      if (this.links.model.stallEveryMs > 0)
        this.links.hold(from, to, new GossipArrival(this, message, from, to));
      return;
    }
    const arrivalMs = this.links.gossipArrivalMs(from, to);
    if (arrivalMs === undefined) return this.#mesh?.repair(message, from, to);
    if (!message.isEarliest(to, arrivalMs)) return;
    this.#deps.clock.at(arrivalMs, new GossipArrival(this, message, from, to));
  }
}

class GossipArrival {
  readonly #network: Network;
  readonly #message: GossipMessage;
  readonly #from: number;
  readonly #to: number;

  constructor(network: Network, message: GossipMessage, from: number, to: number) {
    this.#network = network;
    this.#message = message;
    this.#from = from;
    this.#to = to;
  }

  run(): void {
    this.#network.arrive(this.#message, this.#from, this.#to);
  }
}

interface Frame {
  readonly from: number;
  readonly to: number;
  readonly channel: Channel;
  readonly bytes: Uint8Array;
  /** Number of the connection it was written to. */
  readonly number: number;
}

class FrameArrival {
  readonly #network: Network;
  readonly #frame: Frame;

  constructor(network: Network, frame: Frame) {
    this.#network = network;
    this.#frame = frame;
  }

  run(): void {
    this.#network.arriveFrame(this.#frame);
  }
}
