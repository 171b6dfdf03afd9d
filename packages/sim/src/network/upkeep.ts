/**
 * What the transport says beside core's messages, of which only the bytes matter here: pings over each connection, and the hellos by which members tell each
 * other who else there is.
 */
import type { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import type { TrafficCount } from "./traffic-count.ts";

/** The transport's `pingEveryMs`. */
const PING_EVERY_MS = 4_000;
/** A ping or its answer: 32 bytes, and what yamux and noise add. */
const PING_BYTES = 62;
/** Between two hellos of a node while there is no news. */
const HELLO_EVERY_MS = 9_000;
const HELLO_BYTES = 400;
/** One address in a hello, of as many members as it has room for. */
const ADDRESS_BYTES = 48;
const ADDRESSES_MAX = 64;

export interface UpkeepDeps {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly nodes: number;
  readonly traffic: TrafficCount;
  readonly peersOf: (node: number) => readonly number[];
  readonly areConnected: (a: number, b: number) => boolean;
}

/** Counts from now on, for good. */
export function startUpkeep(deps: UpkeepDeps): void {
  const { clock, random, nodes, traffic } = deps;
  const hello = HELLO_BYTES + ADDRESS_BYTES * Math.min(ADDRESSES_MAX, nodes - 1);
  const pings = (): void => {
    clock.call(clock.nowMs + PING_EVERY_MS, pings);
    for (let node = 0; node < nodes; node++)
      for (const peer of connectedTo(deps, node)) traffic.kept(node, peer, 2 * PING_BYTES);
  };
  const hellos = (): void => {
    clock.call(clock.nowMs + HELLO_EVERY_MS, hellos);
    for (let node = 0; node < nodes; node++) {
      const peers = connectedTo(deps, node);
      const peer = peers[random.integer(Math.max(1, peers.length))];
      if (peer === undefined) continue;
      traffic.kept(node, peer, hello);
      traffic.kept(peer, node, hello);
    }
  };
  clock.call(clock.nowMs + PING_EVERY_MS, pings);
  clock.call(clock.nowMs + HELLO_EVERY_MS, hellos);
}

function connectedTo({ peersOf, areConnected }: UpkeepDeps, node: number): readonly number[] {
  return peersOf(node).filter((peer) => areConnected(node, peer));
}
