/** What can happen to a fleet, as data: a scenario is a list of these, and printing it explains a run. */

export type Fault =
  /** The process is killed or its machine loses power; it starts again after `downMs`, which may be never. */
  | {
      readonly type: "crash";
      readonly atMs: number;
      readonly node: number;
      readonly how: "kill" | "power";
      readonly downMs: number;
      /** A fresh disk: the key is kept, all that was stored is gone. @default false */
      readonly isDiskLost?: boolean | undefined;
      /** From the next start on it pulses this often. @default as before */
      readonly pulseEveryMs?: number | undefined;
    }
  /** A planned stop (rule VE9): announced, then gone for `downMs`; `leave` is for good. */
  | {
      readonly type: "stop";
      readonly atMs: number;
      readonly node: number;
      readonly mode: "pause" | "leave";
      readonly downMs: number;
    }
  /** The process is not scheduled; a suspended machine's monotonic clock stands still as well. */
  | {
      readonly type: "stall";
      readonly atMs: number;
      readonly node: number;
      readonly forMs: number;
      readonly isSuspended: boolean;
    }
  /** Nothing passes between two groups; silent cuts look like dropped packets, others reset the connections. */
  | {
      readonly type: "cut";
      readonly atMs: number;
      readonly forMs: number;
      readonly groupA: readonly number[];
      /** Empty means everybody else. */
      readonly groupB: readonly number[];
      readonly isSilent: boolean;
      /** What group A sends is swallowed, and what it is sent arrives. */
      readonly isOneWay: boolean;
    }
  /** One node loses a share of what it sends, or of what it is sent: a bad cable, a bad radio. */
  | {
      readonly type: "loss";
      readonly atMs: number;
      readonly forMs: number;
      readonly node: number;
      readonly direction: "out" | "in";
      readonly share: number;
    }
  /** Everything that one node sends takes so much longer in the end, and more and more until `overMs` have passed: a queue that fills. */
  | {
      readonly type: "delay";
      readonly atMs: number;
      readonly forMs: number;
      readonly node: number;
      readonly byMs: number;
      readonly overMs: number;
    }
  /** The robot of a node gives no beat, while the node lives. */
  | { readonly type: "mute"; readonly atMs: number; readonly forMs: number; readonly node: number }
  /** Somebody sets a wall clock. */
  | { readonly type: "step"; readonly atMs: number; readonly node: number; readonly byMs: number };

/** When a fault is over. */
export function endOf(fault: Fault): number {
  if (fault.type === "step") return fault.atMs;
  return (
    fault.atMs + (fault.type === "crash" || fault.type === "stop" ? fault.downMs : fault.forMs)
  );
}

/** To whom it happens; of a cut that is one side. */
export function nodesOf(fault: Fault): readonly number[] {
  return fault.type === "cut" ? fault.groupA : [fault.node];
}
