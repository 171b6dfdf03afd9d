import { SeededRandom, VirtualClock } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { GossipMesh } from "./gossip-mesh.ts";
import { GossipMessage } from "./gossip-message.ts";
import { createOverlay, TRANSPORT_OVERLAY } from "./overlay.ts";

const NODES = 60;
const HOP_MS = 3;

/** A fleet in which each node passes on what it sees first. */
class Gossips {
  readonly clock = new VirtualClock();
  readonly #random = new SeededRandom(7);
  readonly overlay = createOverlay(NODES, this.#random.fork("overlay"), TRANSPORT_OVERLAY);
  readonly seenMs = new Map<number, number>();
  copies = 0;
  offers = 0;
  /** The link from 0 to its first neighbour loses the first copy. */
  losesFirst = false;
  readonly mesh: GossipMesh = new GossipMesh({
    clock: this.clock,
    random: this.#random.fork("mesh"),
    peersOf: (node) => this.overlay[node] ?? [],
    areConnected: (a, b) => a !== b,
    offered: () => void this.offers++,
    transmit: (message, from, to) => this.#transmit(message, from, to),
  });

  send(isMeshCut: boolean = false): void {
    const message = new GossipMessage("state", new Uint8Array(100), NODES);
    message.markSeen(0, 0);
    this.#isMeshCut = isMeshCut;
    this.mesh.publish(message, 0);
    this.clock.runUntil(3_000);
  }

  #isMeshCut = false;

  #transmit(message: GossipMessage, from: number, to: number): void {
    this.copies++;
    if (this.#isMeshCut && from !== 0) return;
    if (this.losesFirst && from === 0) {
      this.losesFirst = false;
      return this.mesh.repair(message, from, to);
    }
    this.clock.call(this.clock.nowMs + HOP_MS, () => {
      if (message.hasSeen(to)) return;
      message.markSeen(to, from);
      this.seenMs.set(to, this.clock.nowMs);
      this.mesh.forward(message, to);
    });
  }
}

test("SG4, CH6 as over libp2p an author's own copies reach its peers at once and the mesh everybody else, each link sparing who has it", () => {
  const fleet = new Gossips();
  fleet.send();
  const own = fleet.overlay[0] ?? [];
  expect(own.map((peer) => fleet.seenMs.get(peer))).toEqual(own.map(() => HOP_MS));
  expect(fleet.seenMs.size).toBe(NODES - 1);
  expect(Math.max(...fleet.seenMs.values())).toBeLessThan(300);
  // Every link both ways would be twelve a node.
  expect(fleet.copies / NODES).toBeLessThan(3);
  expect(fleet.offers).toBe(4 * NODES);
});

test("SG4, CH6 without the mesh only an author's own peers hear it, and what a link has lost is offered again within a heartbeat", () => {
  const fleet = new Gossips();
  fleet.losesFirst = true;
  fleet.send(true);
  const own = fleet.overlay[0] ?? [];
  expect([...fleet.seenMs.keys()].toSorted((a, b) => a - b)).toEqual(own);
  expect(fleet.seenMs.get(own[0] ?? -1)).toBeGreaterThan(200);
  expect(fleet.seenMs.get(own[0] ?? -1)).toBeLessThanOrEqual(1_200 + HOP_MS);
});
