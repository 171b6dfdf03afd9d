import { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Endpoint } from "./endpoint.ts";
import { calmNetwork } from "./network-model.ts";
import { Network } from "./network.ts";

const NODES = 40;

interface Rig {
  readonly clock: VirtualClock;
  readonly network: Network;
  /** Links that the ends were told of, as `a-b`. */
  readonly up: Set<string>;
  /** A member that is no neighbour of node 0 in the overlay. */
  readonly far: number;
  readonly running: Set<number>;
}

function rig(): Rig {
  const clock = new VirtualClock();
  const up = new Set<string>();
  const running = new Set(Array.from({ length: NODES }, (_, index) => index));
  const endpoints = Array.from({ length: NODES }, (_, index): Endpoint => ({
    get isRunning() {
      return running.has(index);
    },
    isStalled: false,
    gossip: () => undefined,
    frame: () => undefined,
    peerUp: (peer) => void up.add(`${index}-${peer}`),
    peerDown: (peer) => void up.delete(`${index}-${peer}`),
  }));
  const network = new Network(
    {
      clock,
      random: new SeededRandom(1),
      endpoints,
      tap: { published: () => undefined, sent: () => undefined },
      changed: () => undefined,
    },
    NODES,
    calmNetwork,
  );
  for (let node = 0; node < NODES; node++) network.connections.nodeStarted(node);
  clock.runUntil(5_000);
  const near = network.neighbours[0] ?? [];
  const far = endpoints.findIndex((_, index) => index !== 0 && !near.includes(index));
  return { clock, network, up, far, running };
}

test("PU8 a link that a node wants is dialled and both ends are told, and again after a reset", () => {
  const { clock, network, up, far } = rig();
  const isUp = (): boolean => up.has(`0-${far}`) && up.has(`${far}-0`);
  expect(isUp()).toBe(false);
  network.connections.want(0, [far]);
  clock.runUntil(6_000);
  expect(isUp()).toBe(true);
  network.connections.disconnect(0, far);
  clock.runUntil(6_011);
  expect(network.connections.areConnected(0, far) && isUp()).toBe(false);
  clock.runUntil(11_000);
  expect(isUp()).toBe(true);
  expect(network.connections.peersOf(far)).toContain(0);
});

test("PU8 a link is closed once neither side wants it, and one of the overlay or of the other side's wish is not", () => {
  const { clock, network, up, far } = rig();
  const [near = 0] = network.neighbours[0] ?? [];
  network.connections.want(0, [far, near]);
  network.connections.want(far, [0]);
  clock.runUntil(6_000);
  network.connections.want(0, []);
  clock.runUntil(100_000);
  expect([up.has(`0-${far}`), up.has(`0-${near}`)]).toEqual([true, true]);
  network.connections.want(far, []);
  clock.runUntil(130_000);
  expect(up.has(`0-${far}`)).toBe(true);
  clock.runUntil(200_000);
  expect([up.has(`0-${far}`), up.has(`0-${near}`)]).toEqual([false, true]);
  expect(network.connections.peersOf(far)).not.toContain(0);
});

test("PU8 a process that ends forgets what it wanted, and what others want of it stands when it is back", () => {
  const { clock, network, up, far, running } = rig();
  const other = far + 1;
  network.connections.want(0, [far]);
  network.connections.want(other, [0]);
  clock.runUntil(6_000);
  running.delete(0);
  network.connections.nodeStopped(0, "kill");
  clock.runUntil(100_000);
  running.add(0);
  network.connections.nodeStarted(0);
  clock.runUntil(110_000);
  expect([up.has(`0-${far}`), up.has(`0-${other}`)]).toEqual([false, true]);
});

test("CH6 whoever was cut off for hours is dialled within the longest back-off of the healing, and not all the while", () => {
  const { clock, network } = rig();
  const [near = 0] = network.neighbours[0] ?? [];
  network.links.block(0, near);
  network.connections.disconnect(0, near);
  clock.runUntil(200_000);
  const ran = clock.runUntil(7_200_000);
  expect(ran).toBe(0);
  network.links.unblock(0, near);
  network.connections.redial(0, near);
  clock.runUntil(7_204_001);
  expect(network.connections.areConnected(0, near)).toBe(true);
});
