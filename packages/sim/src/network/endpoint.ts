/** What the network sees of a node. */
import type { Channel, Topic } from "@pulsemesh/core";
import type { GossipMessage } from "./gossip-message.ts";

export interface Endpoint {
  /** The process exists. */
  readonly isRunning: boolean;
  /** The process exists and is not scheduled. */
  readonly isStalled: boolean;
  gossip(message: GossipMessage, from: number): void;
  frame(channel: Channel, from: number, bytes: Uint8Array): void;
  peerUp(peer: number): void;
  peerDown(peer: number): void;
}

/** Sees everything that is sent: checks, attackers and counters. */
export interface Tap {
  published(from: number, topic: Topic, bytes: Uint8Array): void;
  sent(from: number, to: number, channel: Channel, bytes: Uint8Array): void;
}
