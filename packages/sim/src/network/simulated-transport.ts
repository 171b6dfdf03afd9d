/**
 * The driver's network port on the simulated network, so that it runs the same contract suite as the real one (STYLE rule 38). A run has
 * no use for it: there every node knows every other from the start and its driver speaks to the network by index. What is added here is
 * what the port has beyond that: names, addresses, fleets, and members that learn of each other.
 */
import type {
  Channel,
  FleetId,
  NodeId,
  PeerInfo,
  Topic,
  Transport,
  TransportHandler,
} from "@pulsemesh/core";
import { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import { HELLO_MS } from "./connections.ts";
import type { Endpoint } from "./endpoint.ts";
import type { GossipMessage } from "./gossip-message.ts";
import { calmNetwork } from "./network-model.ts";
import { Network } from "./network.ts";

/** Machines of one network: as many as the overlay connects each with each. */
const PLACES = 9;
/** First and longest wait before a member that was not let in is asked again. */
const TURNED_AWAY_MS = 1_000;
const TURNED_AWAY_MS_LONGEST = 60_000;
/** Who is expelled hears what is published for so long more, once it is said, and before. */
const LAST_WORD_MS = 1_000;
const LAST_WORD_WAIT_MS_MAX = 10_000;
/** Faults are the scenarios' business: here a message reaches everybody once. */
const FAULTLESS = { ...calmNetwork, name: "faultless", duplicateShare: 0 };

/** What a machine keeps when its process ends. */
interface Place {
  readonly index: number;
  readonly name: string;
  /** Places whose address is known here. */
  readonly known: Set<number>;
  running: SimulatedTransport | undefined;
}

/** Machines on one simulated network, each with at most one member. */
export class SimulatedPlaces {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: Network;
  readonly #places: Place[] = [];

  constructor(seed: number) {
    const endpoints = Array.from({ length: PLACES }, (_, index) => this.#endpoint(index));
    this.network = new Network(
      {
        clock: this.clock,
        random: new SeededRandom(seed),
        endpoints,
        tap: { published: () => undefined, sent: () => undefined },
        changed: () => undefined,
        mayConnect: (a, b) => this.#mayConnect(a, b),
      },
      PLACES,
      FAULTLESS,
    );
  }

  /** A member that is not started. Whoever has the same name has the same id, address and address memory. */
  create(name: string, fleet: FleetId, join: readonly string[]): SimulatedTransport {
    const place = this.place(name);
    for (const other of join) place.known.add(this.place(other).index);
    return new SimulatedTransport(this, place, fleet);
  }

  place(name: string): Place {
    const found = this.#places.find((place) => place.name === name);
    if (found !== undefined) return found;
    const place = {
      index: this.#places.length,
      name,
      known: new Set<number>(),
      running: undefined,
    };
    if (place.index >= PLACES)
      throw new RangeError(`Cannot add ${name}: there are ${PLACES} places.`);
    this.#places.push(place);
    return place;
  }

  at(index: number): Place | undefined {
    return this.#places[index];
  }

  addressOf(name: string): string {
    return `/sim/${this.place(name).index}/p2p/${nodeOf(name)}`;
  }

  byAddress(address: string): Place | undefined {
    return this.#places.find(({ name }) => this.addressOf(name) === address);
  }

  byNode(node: NodeId): Place | undefined {
    return this.#places.find(({ name }) => nodeOf(name) === node);
  }

  /** Somebody must know the other, and neither may have refused the other for good or a moment ago. */
  #mayConnect(a: number, b: number): boolean {
    const [one, other] = [this.#places[a], this.#places[b]];
    if (one === undefined || other === undefined) return false;
    if (one.running?.avoids(b) === true || other.running?.avoids(a) === true) return false;
    return one.known.has(b) || other.known.has(a);
  }

  #endpoint(index: number): Endpoint {
    const running = (): SimulatedTransport | undefined => this.#places[index]?.running;
    return {
      get isRunning() {
        return running() !== undefined;
      },
      isStalled: false,
      gossip: (message, from) => running()?.gossip(message, from),
      frame: (channel, from, bytes) => running()?.frame(channel, from, bytes),
      peerUp: (peer) => running()?.peerUp(peer),
      peerDown: (peer) => running()?.peerDown(peer),
    };
  }
}

/** The port of one member; what the network tells it comes by the methods of {@link Endpoint}. */
export class SimulatedTransport
  implements Transport, Pick<Endpoint, "gossip" | "frame" | "peerUp" | "peerDown">
{
  readonly node: NodeId;
  readonly fleet: FleetId;
  readonly #places: SimulatedPlaces;
  readonly #place: Place;
  readonly #up = new Map<number, PeerInfo>();
  /** Places that are not to be met before a time, and how often in a row they were not let in. */
  readonly #avoided = new Map<number, { readonly untilMs: number; readonly times: number }>();
  readonly #shutOutBy = new Set<number>();
  /** Who was expelled and hears what is published. */
  readonly #leaving = new Map<number, { readonly expulsion: number }>();
  #handler: TransportHandler | undefined;
  #grant: string | undefined;

  constructor(places: SimulatedPlaces, place: Place, fleet: FleetId) {
    this.#places = places;
    this.#place = place;
    this.node = nodeOf(place.name);
    this.fleet = fleet;
  }

  start(handler: TransportHandler): Promise<void> {
    this.#handler = handler;
    this.#place.running = this;
    this.#places.network.connections.nodeStarted(this.#place.index);
    return Promise.resolve();
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    if (this.#handler !== undefined) this.#places.network.publish(this.#place.index, topic, bytes);
  }

  send(to: NodeId, channel: Channel, bytes: Uint8Array): Promise<boolean> {
    const peer = this.#places.byNode(to)?.index;
    if (this.#handler === undefined || peer === undefined || !this.#up.has(peer))
      return Promise.resolve(false);
    return Promise.resolve(this.#places.network.send(this.#place.index, peer, channel, bytes));
  }

  remember(addresses: readonly string[]): void {
    const { index, known } = this.#place;
    for (const address of addresses) {
      const other = this.#places.byAddress(address);
      if (other === undefined || other.index === index) continue;
      known.add(other.index);
      this.#places.network.connections.redial(index, other.index);
    }
  }

  members(): void {
    // Strangers are no part of this network.
  }

  links(): void {
    // Everybody is linked with everybody.
  }

  present(grant: string | undefined): void {
    this.#grant = grant;
    for (const [peer, { untilMs }] of this.#avoided) {
      if (untilMs === Infinity) continue;
      this.#avoided.delete(peer);
      this.#places.network.connections.redial(this.#place.index, peer);
    }
  }

  expel(nodes: readonly NodeId[], expulsion: number): void {
    for (const node of nodes) {
      const peer = this.#places.byNode(node)?.index;
      if (peer === undefined) continue;
      this.peerDown(peer);
      this.#partIn(LAST_WORD_WAIT_MS_MAX, peer, expulsion);
    }
  }

  lastWordSaid(nodes: readonly NodeId[], expulsion: number): void {
    for (const node of nodes) {
      const peer = this.#places.byNode(node)?.index;
      if (peer !== undefined && this.#leaving.get(peer)?.expulsion === expulsion)
        this.#partIn(LAST_WORD_MS, peer, expulsion);
    }
  }

  addresses(): readonly string[] {
    return [this.#places.addressOf(this.#place.name)];
  }

  peers(): readonly PeerInfo[] {
    return [...this.#up.values()];
  }

  roundTripMs(node: NodeId): number | undefined {
    const peer = this.#places.byNode(node)?.index;
    return peer !== undefined && this.#up.has(peer) ? HELLO_MS : undefined;
  }

  stop(): Promise<void> {
    if (this.#place.running !== this) return Promise.resolve();
    for (const peer of this.#up.keys()) this.peerDown(peer);
    this.#handler = undefined;
    this.#place.running = undefined;
    this.#places.network.connections.nodeStopped(this.#place.index, "kill");
    return Promise.resolve();
  }

  /** Whether that place is not to be met now. */
  avoids(peer: number): boolean {
    return (this.#avoided.get(peer)?.untilMs ?? 0) > this.#places.clock.nowMs;
  }

  /** That place does not let this one in, and says so: in its hello, before or after this one has judged. */
  shutOut(peer: number): void {
    if (!this.#up.has(peer)) {
      this.#shutOutBy.add(peer);
      return;
    }
    this.peerDown(peer);
    this.#turnAway(peer);
  }

  /** Whether that place was let in, or is still to hear why it is not, so that it is sent what is published here. */
  hasLetIn(peer: number): boolean {
    return this.#up.has(peer) || this.#leaving.has(peer);
  }

  gossip(message: GossipMessage, from: number): void {
    const peer = this.#up.get(from);
    if (peer === undefined || this.#handler === undefined) return;
    // Nobody publishes to whom it has not let in; the network knows nothing of that.
    if (this.#places.at(from)?.running?.hasLetIn(this.#place.index) !== true) return;
    try {
      const { topic, bytes } = message;
      if (this.#handler.gossip(topic, peer.node, bytes) === "accept")
        this.#places.network.forward(message, this.#place.index);
    } catch {
      // By contract the handler never throws; if it does, that counts as `reject`, and the network goes on.
    }
  }

  frame(channel: Channel, from: number, bytes: Uint8Array): void {
    const peer = this.#up.get(from);
    if (peer !== undefined) this.#handler?.message(peer.node, channel, bytes);
  }

  /** Both have said hello: members of one fleet tell each other whom they know, others part. */
  peerUp(peer: number): void {
    const other = this.#places.at(peer)?.running;
    if (other === undefined || this.#handler === undefined) return;
    const { index, known } = this.#place;
    const { connections } = this.#places.network;
    if (other.fleet !== this.fleet) {
      this.#avoided.set(peer, { untilMs: Infinity, times: 0 });
      this.#handler.rejected("foreign-fleet", other.node);
      this.#hangUp(peer);
      return;
    }
    const refusal = this.#handler.admit(other.node, other.#grant);
    if (refusal !== undefined) {
      other.shutOut(index);
      this.#turnAway(peer);
      return;
    }
    if (this.#shutOutBy.delete(peer)) {
      this.#turnAway(peer);
      return;
    }
    this.#avoided.delete(peer);
    known.add(peer);
    const info = { node: other.node, agent: "sim", addresses: other.addresses() };
    this.#up.set(peer, info);
    this.#handler.peerUp(info);
    for (const third of this.#places.at(peer)?.known ?? []) {
      if (third === index || known.has(third)) continue;
      known.add(third);
      connections.redial(index, third);
    }
  }

  #partIn(delayMs: number, peer: number, expulsion: number): void {
    const { clock } = this.#places;
    const leave = { expulsion };
    this.#leaving.set(peer, leave);
    clock.call(clock.nowMs + delayMs, () => {
      if (this.#leaving.get(peer) !== leave) return;
      this.#leaving.delete(peer);
      this.#turnAway(peer);
    });
  }

  /** Not let in, or not any more: asked again after waits that double. */
  #turnAway(peer: number): void {
    const { clock, network } = this.#places;
    const { times = 0 } = this.#avoided.get(peer) ?? {};
    const untilMs = clock.nowMs + Math.min(TURNED_AWAY_MS_LONGEST, TURNED_AWAY_MS * 2 ** times);
    this.#avoided.set(peer, { untilMs, times: times + 1 });
    this.#hangUp(peer);
    clock.call(untilMs, () => network.connections.redial(this.#place.index, peer));
  }

  /** Later, so that the other side has its own look before the connection is gone. */
  #hangUp(peer: number): void {
    const { clock, network } = this.#places;
    clock.call(clock.nowMs + 1, () => network.connections.disconnect(this.#place.index, peer));
  }

  peerDown(peer: number): void {
    this.#shutOutBy.delete(peer);
    this.#leaving.delete(peer);
    const info = this.#up.get(peer);
    if (info === undefined) return;
    this.#up.delete(peer);
    this.#handler?.peerDown(info.node);
  }
}

function nodeOf(name: string): NodeId {
  return `node-${name}`;
}
