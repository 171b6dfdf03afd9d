/**
 * Everything that can happen to a node, as data. `core.handle(input, now)` takes exactly one of these and returns effects;
 * all effects are carried out (or queued, in order) before the next input (STYLE rule 9).
 */
import type { Command } from "./command.ts";
import type { StoreRow } from "./driver/store.ts";
import type { Channel, PeerInfo, Topic } from "./driver/transport.ts";
import type { NodeId } from "./ids.ts";

export type Input =
  /** Rows of the store before anything else, in key order, or with those of `chain/…` behind all others; the page with `done` starts the node. */
  | { readonly type: "restore"; readonly rows: readonly StoreRow[]; readonly done: boolean }
  /** A timer that was set. Late, early and outdated ones are harmless: core compares the generation. */
  | { readonly type: "timer"; readonly id: TimerId; readonly generation: number }
  /** A gossip message; the first effect answers it (`validate`). */
  | {
      readonly type: "gossip";
      readonly topic: Topic;
      readonly from: NodeId;
      readonly bytes: Uint8Array;
    }
  /** A frame on a direct or sync stream. */
  | {
      readonly type: "message";
      readonly channel: Channel;
      readonly from: NodeId;
      readonly bytes: Uint8Array;
    }
  /** A peer has said hello and presented a grant; the first effect answers it (`admit`). */
  | { readonly type: "hello"; readonly from: NodeId; readonly grant: string | undefined }
  /** A peer asks for the row of root statements, and presents a grant; the first effect answers whether it is told (`admit`). */
  | { readonly type: "root-question"; readonly from: NodeId; readonly grant: string }
  /** The row of root statements of a peer that was asked for it, before it is let in or not (rule ME2). */
  | { readonly type: "root-row"; readonly from: NodeId; readonly bytes: Uint8Array }
  | { readonly type: "peer-up"; readonly peer: PeerInfo }
  | { readonly type: "peer-down"; readonly node: NodeId }
  /** A commit and all before it are durable. A failed one has no input: the driver rebuilds core from disk (rule DU1). */
  | { readonly type: "committed"; readonly commit: CommitId }
  /** The answer to a `load` effect, one page; `done` ends it. */
  | {
      readonly type: "loaded";
      readonly load: LoadId;
      readonly rows: readonly StoreRow[];
      readonly done: boolean;
    }
  /** Somebody at this node wants something; answered by a `reply` effect with the same id. */
  | { readonly type: "command"; readonly id: number; readonly command: Command }
  /** Periodic self-measurement of the driver: event-loop lag (p99 since the last one), in milliseconds. */
  | { readonly type: "lag"; readonly lagMs: number };

/** Timers are few and named; setting one again replaces it. */
export type TimerId = "pulse" | "watch" | "robots" | "sync" | "chain" | "stop" | "ask";
export type CommitId = number;
export type LoadId = number;
