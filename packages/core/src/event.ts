/** What core tells the outside world: for SSE, logs, metrics and the audit log's readers. Never read back by core. */
import type { RootRowResult } from "./authority/root-row-result.ts";
import type { HashHex, NodeId, PulseName, RobotId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import type { NodeReason, RobotReason, Status } from "./view/status.ts";

export type CoreEvent =
  | { readonly type: "started"; readonly boot: number }
  | {
      readonly type: "node-status";
      readonly node: NodeId;
      readonly from: Status;
      readonly to: Status;
      readonly reason: NodeReason | undefined;
      readonly atWallMs: number;
    }
  | {
      readonly type: "robot-status";
      readonly robot: RobotId;
      readonly from: Status | undefined;
      readonly to: Status;
      readonly reason: RobotReason | undefined;
      readonly atWallMs: number;
    }
  /** A robot's record changed in the view: state, health, labels or schedule. */
  | {
      readonly type: "robot-state";
      readonly robot: RobotId;
      readonly state: JsonObject;
      readonly atWallMs: number;
    }
  | {
      readonly type: "robot-beat";
      readonly robot: RobotId;
      readonly kind: string;
      readonly atWallMs: number;
    }
  /** A robot that was shown is retired: it is shown nowhere any more (rule CH4). */
  | {
      readonly type: "robot-retired";
      readonly robot: RobotId;
      readonly by: NodeId;
      readonly atWallMs: number;
    }
  /** A region is out of another one's reach as a whole, or is not any more (rule VE4): a fact about the way there, and not about its nodes. */
  | {
      readonly type: "region-status";
      readonly from: string;
      readonly to: string;
      readonly status: "unreachable" | "reachable";
      readonly accusers: readonly NodeId[];
      readonly atWallMs: number;
    }
  /** The quorum's verdict as this node reached it. */
  | {
      readonly type: "verdict";
      readonly subject: NodeId;
      readonly kind: "down" | "up" | "unknown";
      readonly pulse: PulseName;
      readonly accusers: readonly NodeId[];
      readonly singleWitness: boolean;
      readonly atWallMs: number;
    }
  /** Something from outside was dropped; counted by reason. */
  | { readonly type: "rejected"; readonly reason: RejectReason; readonly from: NodeId | undefined }
  | { readonly type: "quarantined"; readonly what: string; readonly reason: string }
  | {
      readonly type: "rollback";
      readonly author: NodeId;
      readonly epoch: number;
      readonly seq: number;
    }
  | {
      readonly type: "forked";
      readonly author: NodeId;
      readonly epoch: number;
      readonly seq: number;
    }
  /** Another process is alive under this node's own key: a copied disk (rule BK1). `from`: the neighbour that handed over the proof. */
  | {
      readonly type: "twin";
      readonly node: NodeId;
      readonly boot: number;
      readonly twin: PulseName;
      readonly from: NodeId;
      readonly atWallMs: number;
    }
  /** The other process has gone: this node works on, in a boot of its own. */
  | {
      readonly type: "twin-over";
      readonly node: NodeId;
      readonly boot: number;
      readonly twin: PulseName;
      readonly atWallMs: number;
    }
  /** A statement of the fleet's authority is held from now on (rule ME1). */
  | {
      readonly type: "statement";
      readonly id: HashHex;
      readonly kind: "root" | "charter" | "grant" | "revocation";
      readonly atWallMs: number;
    }
  /** Nothing was heard of the fleet's authority for a day, or something is again (rule ME3). */
  | {
      readonly type: "authority-stale";
      readonly isStale: boolean;
      readonly newsWallMs: number;
      readonly atWallMs: number;
    }
  /** What became of the root statements of a peer that was asked for them before it was judged (rule ME2). */
  | { readonly type: "root-row"; readonly from: NodeId; readonly result: RootRowResult }
  /** There are two charters with one number: somebody else has the key that signs them (rule ME2). */
  | { readonly type: "charter-disputed"; readonly number: number; readonly atWallMs: number }
  | { readonly type: "two-homes"; readonly robot: RobotId; readonly homes: readonly NodeId[] }
  | { readonly type: "stalled"; readonly forMs: number }
  | { readonly type: "clock-stepped"; readonly byMs: number }
  /** Synced with a peer until nothing was missing. */
  | { readonly type: "synced"; readonly with: NodeId };

/** Why core dropped something that came from outside. Stable; the label `reason` of `pulsemesh_rejected_total`. */
export type RejectReason =
  | "envelope-malformed"
  | "envelope-oversized"
  | "kind-unknown"
  | "fleet-foreign"
  | "signature-bad"
  | "pulse-malformed"
  | "pulse-replayed"
  | "pulse-interval"
  | "pulse-stranger"
  | "observation-malformed"
  | "observation-stranger"
  | "observation-replayed"
  | "evidence-bad"
  /** A witness accuses this node, which lives: a liar, or one that did not hear it. */
  | "accusation-refuted"
  | "entry-malformed"
  | "entry-oversized"
  | "entry-gap"
  | "entry-author"
  | "gate"
  | "snapshot-bad"
  | "authors-max"
  | "author-budget"
  | "author-unknown"
  | "author-observer"
  | "author-revoked"
  | "deltas-max"
  | "roster-max"
  | "robots-max"
  | "robot-not-granted"
  | "record-max"
  | "retired-elsewhere"
  | "sync-malformed"
  | "hello-malformed"
  | "statement-malformed"
  | "statement-oversized"
  | "statement-unknown"
  | "signer-unknown"
  | "authority-full"
  | "rate";
