/**
 * Gossip as the transport does it (SPEC, "Message ids and validators"): an author sends to every peer that it is connected to, and everybody else passes a
 * message on to a few peers, its mesh, some milliseconds later and together with what else came meanwhile, but not to those that have sent it by then.
 * What a link loses comes by the repair of gossipsub, which offers once a second what it has seen.
 *
 * Of the protocol by which real peers agree on a mesh only the outcome is modelled: two are in each other's mesh where the link between them is among the
 * first {@link MESH_CHOICES} of either, by a weight that both know. That gives three to four peers each, as gossipsub settles to with a degree of 3.
 */
import type { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import type { GossipMessage } from "./gossip-message.ts";

/** The transport's own `FORWARD_WITHIN_MS`. */
const FORWARD_WITHIN_MS = 40;
const MESH_CHOICES = 2;
/** So many peers are offered each message in each of three heartbeats, by a name of 20 bytes; with the topic's name, where many share an offer. */
const OFFERED_TO = 4;
const OFFER_BYTES = 3 * 36;
/** An offer of what was lost, and the answer: gossipsub's heartbeat is a second. */
const REPAIR_MS_MIN = 200;
const REPAIR_MS_MAX = 1_200;

export interface GossipMeshDeps {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** Peers that a node may be connected to, and whether it is. */
  readonly peersOf: (node: number) => readonly number[];
  readonly areConnected: (a: number, b: number) => boolean;
  /** Puts one copy on a link. */
  readonly transmit: (message: GossipMessage, from: number, to: number) => void;
  /** Counts what offers it to somebody. */
  readonly offered: (from: number, to: number, bytes: number) => void;
}

export class GossipMesh {
  readonly #deps: GossipMeshDeps;
  readonly #seed: number;
  readonly #waiting = new Map<number, GossipMessage[]>();

  constructor(deps: GossipMeshDeps) {
    this.#deps = deps;
    this.#seed = deps.random.integer(0x7fffffff);
  }

  /** Its author's own copies. */
  publish(message: GossipMessage, from: number): void {
    const { clock, peersOf, areConnected, transmit } = this.#deps;
    message.markSpread(from, clock.nowMs);
    for (const to of peersOf(from)) if (areConnected(from, to)) transmit(message, from, to);
    this.#offer(from);
  }

  /** A node has taken a message, and will pass it on. */
  forward(message: GossipMessage, from: number): void {
    const { clock } = this.#deps;
    const waiting = this.#waiting.get(from);
    if (waiting !== undefined) return void waiting.push(message);
    this.#waiting.set(from, [message]);
    clock.call(clock.nowMs + FORWARD_WITHIN_MS, () => this.#flush(from));
  }

  /** A copy was lost on a link. */
  repair(message: GossipMessage, from: number, to: number): void {
    const { clock, random, transmit, areConnected } = this.#deps;
    clock.call(clock.nowMs + random.between(REPAIR_MS_MIN, REPAIR_MS_MAX), () => {
      if (!message.hasSeen(to) && areConnected(from, to)) transmit(message, from, to);
    });
  }

  #flush(from: number): void {
    const waiting = this.#waiting.get(from) ?? [];
    this.#waiting.delete(from);
    const mesh = this.#meshOf(from);
    for (const message of waiting) {
      message.markSpread(from, this.#deps.clock.nowMs);
      for (const to of mesh) {
        if (to === message.sourceOf(from) || message.hasSentBy(to, this.#deps.clock.nowMs))
          continue;
        this.#deps.transmit(message, from, to);
      }
      this.#offer(from);
    }
  }

  #offer(from: number): void {
    const { random, peersOf, areConnected, offered } = this.#deps;
    const peers = peersOf(from).filter((peer) => areConnected(from, peer));
    for (let i = 0; i < Math.min(OFFERED_TO, peers.length); i++)
      offered(from, random.pick(peers), OFFER_BYTES);
  }

  #meshOf(node: number): readonly number[] {
    const { peersOf, areConnected } = this.#deps;
    return peersOf(node).filter(
      (peer) =>
        areConnected(node, peer) && (this.#isChosen(node, peer) || this.#isChosen(peer, node)),
    );
  }

  /** Whether `peer` is among the {@link MESH_CHOICES} connected peers of `node` whose weight is least; counted, as a sorted list was a tenth of a run's time. */
  #isChosen(node: number, peer: number): boolean {
    const { peersOf, areConnected } = this.#deps;
    const weight = this.#weight(node, peer);
    let before = 0;
    for (const other of peersOf(node)) {
      if (other === peer || this.#weight(node, other) >= weight) continue;
      if (!areConnected(node, other)) continue;
      before += 1;
      if (before >= MESH_CHOICES) return false;
    }
    return true;
  }

  /** The same for both ends. */
  #weight(a: number, b: number): number {
    let mixed = this.#seed ^ Math.imul(Math.min(a, b) + 1, 0x9e3779b1);
    mixed =
      Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) ^ Math.imul(Math.max(a, b) + 1, 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0x27d4eb2f);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }
}
