/**
 * Who is connected, and how connections come and go: dialled at start or when a node asks for them, lost by resets, given up after a
 * silence of the transport, dialled again with a back-off of at most 4 s (rule CH6).
 */
import type { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import type { Endpoint } from "./endpoint.ts";
import type { Links } from "./links.ts";
import { WantedLinks } from "./wanted-links.ts";

/** A connection whose packets are swallowed is given up after this time. */
const GIVE_UP_MS = 14_000;
const BACK_OFF_MS_MIN = 250;
/** From a connection to the end of both hellos. */
export const HELLO_MS: number = 15;
/** Longest pause between two dials of a member (rule CH6). */
const BACK_OFF_MS_LIMIT = 4_000;
/** A connection that neither side wants any more is closed after this time: who changed its mind may change it back. */
const UNWANTED_MS = 60_000;
/** After so long behind a cut nobody dials for nothing: the healing of the cut does it, as late as the longest back-off would have. */
const PARKED_MS = 120_000;

export interface ConnectionsDeps {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly links: Links;
  readonly endpoints: readonly Endpoint[];
  readonly neighbours: readonly (readonly number[])[];
  /** Something that decides who can reach whom has changed. */
  readonly changed: () => void;
  /** Whether two know of each other and want to be connected. @default everybody does */
  readonly mayConnect?: ((a: number, b: number) => boolean) | undefined;
}

export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #nodes: number;
  readonly #connected: Uint8Array;
  readonly #number: Int32Array;
  readonly #backOffMs: Float64Array;
  readonly #dialling: Uint8Array;
  readonly #wanted: WantedLinks;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    this.#nodes = deps.neighbours.length;
    this.#wanted = new WantedLinks(deps.neighbours);
    const pairs = this.#nodes * this.#nodes;
    this.#connected = new Uint8Array(pairs);
    this.#number = new Int32Array(pairs);
    this.#backOffMs = new Float64Array(pairs);
    this.#dialling = new Uint8Array(pairs);
  }

  areConnected(a: number, b: number): boolean {
    return this.#connected[this.#pair(a, b)] === 1;
  }

  /** Grows with each new connection of a pair: frames of an older one are dropped. */
  numberOf(a: number, b: number): number {
    return this.#number[this.#pair(a, b)] as number;
  }

  /** Neighbours in the overlay, and whoever is linked by wish (rule PU8). */
  peersOf(node: number): readonly number[] {
    return this.#wanted.peersOf(node);
  }

  /** A node names all members that it wants a standing connection to. */
  want(node: number, peers: readonly number[]): void {
    const { added, dropped } = this.#wanted.want(node, peers);
    for (const peer of added) {
      if (!this.areConnected(node, peer)) this.#dial(node, peer, this.#deps.random.between(1, 50));
    }
    for (const peer of dropped) this.#closeLater(node, peer);
  }

  /** A process has started: it dials all neighbours, and whoever still believed in an old connection learns better. */
  nodeStarted(node: number): void {
    for (const peer of this.peersOf(node)) {
      this.disconnect(node, peer);
      this.#backOffMs[this.#pair(node, peer)] = 0;
      this.#dial(node, peer, this.#deps.random.between(20, 300));
    }
  }

  /** A process was killed (its kernel says so at once) or its machine lost power (nobody says anything). */
  nodeStopped(node: number, how: "kill" | "power"): void {
    const { clock } = this.#deps;
    const { dropped } = this.#wanted.want(node, []);
    for (const peer of this.peersOf(node)) {
      if (how === "kill") this.disconnect(node, peer);
      else this.#giveUpLater(node, peer, clock.nowMs);
    }
    for (const peer of dropped) this.#closeLater(node, peer);
    this.#deps.changed();
  }

  /** A process is no longer scheduled, or the packets of a pair are swallowed: its connections live on for a while. */
  watchSilence(node: number, peer: number): void {
    if (this.areConnected(node, peer)) this.#giveUpLater(node, peer, this.#deps.clock.nowMs);
  }

  /** Connections that were given up while a process was away, or a link was cut, are dialled again. */
  redial(node: number, peer: number): void {
    if (!this.#wanted.areWanted(node, peer)) return;
    if (!this.areConnected(node, peer))
      this.#dial(node, peer, this.#deps.random.between(0, this.#pause(node, peer)));
  }

  disconnect(a: number, b: number): void {
    const pair = this.#pair(a, b);
    if (this.#connected[pair] === 0) return;
    this.#connected[pair] = 0;
    const { clock, endpoints, links } = this.#deps;
    links.forget(a, b);
    links.forget(b, a);
    const number = this.#number[pair];
    clock.call(clock.nowMs + 10, () => {
      if (this.#connected[pair] === 1 && this.#number[pair] === number) return;
      endpoints[a]?.peerDown(b);
      endpoints[b]?.peerDown(a);
    });
    this.#deps.changed();
    if (this.#wanted.areWanted(a, b))
      this.#dial(a, b, this.#deps.random.between(0, this.#pause(a, b)));
  }

  #closeLater(a: number, b: number): void {
    const { clock } = this.#deps;
    clock.call(clock.nowMs + UNWANTED_MS, () => {
      if (this.#wanted.drop(a, b)) this.disconnect(a, b);
    });
  }

  #dial(a: number, b: number, delayMs: number): void {
    const pair = this.#pair(a, b);
    if (this.#dialling[pair] === 1) return;
    this.#dialling[pair] = 1;
    const { clock } = this.#deps;
    clock.call(clock.nowMs + delayMs, () => {
      this.#dialling[pair] = 0;
      this.#connect(a, b);
    });
  }

  #connect(a: number, b: number): void {
    const { endpoints, links, clock, mayConnect } = this.#deps;
    if (mayConnect?.(a, b) === false) return;
    const pair = this.#pair(a, b);
    const [one, other] = [endpoints[a], endpoints[b]];
    if (this.#connected[pair] === 1 || one?.isRunning !== true || other?.isRunning !== true) return;
    if (!this.#wanted.areWanted(a, b)) return;
    if (clock.nowMs - links.silentSinceMs(a, b) > PARKED_MS) {
      this.#backOffMs[pair] = BACK_OFF_MS_LIMIT;
      return;
    }
    if (one.isStalled || other.isStalled || links.isBlocked(a, b) || links.isBlocked(b, a)) {
      this.#backOffMs[pair] = this.#pause(a, b) * 2;
      this.#dial(a, b, this.#deps.random.between(0.5, 1) * this.#pause(a, b));
      return;
    }
    this.#backOffMs[pair] = 0;
    this.#connected[pair] = 1;
    this.#number[pair] = (this.#number[pair] as number) + 1;
    const number = this.#number[pair];
    clock.call(clock.nowMs + HELLO_MS, () => {
      if (this.#connected[pair] !== 1 || this.#number[pair] !== number) return;
      one.peerUp(b);
      other.peerUp(a);
    });
    this.#deps.changed();
  }

  #giveUpLater(a: number, b: number, sinceMs: number): void {
    const { clock, endpoints, links } = this.#deps;
    const number = this.numberOf(a, b);
    clock.call(sinceMs + GIVE_UP_MS, () => {
      const isSilent =
        links.silentSinceMs(a, b) <= sinceMs ||
        [a, b].some(
          (node) => endpoints[node]?.isRunning !== true || endpoints[node]?.isStalled === true,
        );
      if (isSilent && this.areConnected(a, b) && this.numberOf(a, b) === number)
        this.disconnect(a, b);
    });
  }

  #pause(a: number, b: number): number {
    return Math.min(
      BACK_OFF_MS_LIMIT,
      Math.max(BACK_OFF_MS_MIN, this.#backOffMs[this.#pair(a, b)] as number),
    );
  }

  #pair(a: number, b: number): number {
    return a < b ? a * this.#nodes + b : b * this.#nodes + a;
  }
}
