/**
 * A plan is a scenario before sizes and seeds: what happens to which share of a fleet, and when. It is plain JSON (a test sends each there
 * and back), so that a fleet of ten and one of a thousand live through the same things; `draw-plan.ts` makes a {@link Scenario} of it.
 */
import type { LiarKind } from "../hostile/liars.ts";

export interface Plan {
  readonly name: string;
  /** One sentence for `--list`. */
  readonly about: string;
  /** Unless somebody asks for another size. */
  readonly nodes: number;
  /** Virtual time that it takes. */
  readonly minutes: number;
  readonly network: NetworkPlan;
  /** Shares of the fleet in each region, in turn through the nodes; they add up to 1. @default eu and us, half each */
  readonly regions?: readonly RegionShare[] | undefined;
  /** Time between two pulses; beyond 1,000 the run is about what takes days, and every limit in intervals grows with it. @default 1000 */
  readonly pulseEveryMs?: number | undefined;
  /** Time between two rounds of sync with a random neighbour. @default 30000 */
  readonly syncEveryMs?: number | undefined;
  /** How long a robot may give no beat, where a run lasts days. @default 60000 */
  readonly robotEveryMs?: number | undefined;
  /** @default 20000 */
  readonly beatEveryMs?: number | undefined;
  /** Time between two changes of a robot's state. @default 60000 */
  readonly patchEveryMs?: number | undefined;
  /** All start within so long; `growth` says otherwise. @default 2000 */
  readonly startWithinMs?: number | undefined;
  /** So many are there from the start, and the others come evenly until `untilMs`. */
  readonly growth?: { readonly from: number; readonly untilMs: number } | undefined;
  readonly events: readonly PlannedEvent[];
  readonly liars?: readonly { readonly share: number; readonly kind: LiarKind }[] | undefined;
  /** See {@link Scenario}. @default 1 */
  readonly patience?: number | undefined;
  /** From when on bytes are counted, in virtual ms. @default 0 */
  readonly costFromMs?: number | undefined;
  /** Whether the time from the end of each cut to one view and equal documents is measured. @default false */
  readonly measuresHeal?: boolean | undefined;
  /** Whether those that lose or delay what they send are to be the only ones in trouble (rule PU7). @default false */
  readonly expectsGray?: boolean | undefined;
  /** What makes a long run affordable, and what it costs in likeness; printed with the result. */
  readonly note?: string | undefined;
}

export interface NetworkPlan {
  readonly base: "calm" | "lossy" | "stalling";
  readonly lossShare?: number | undefined;
  readonly stallEveryMs?: number | undefined;
  /** See {@link NetworkModel}. @default "plain" */
  readonly gossip?: "plain" | "libp2p" | undefined;
}

export interface RegionShare {
  readonly name: string;
  readonly share: number;
}

/** Something that happens to some nodes, once or again and again. */
export interface PlannedEvent {
  readonly atMs: number;
  /** Nodes that no earlier event of the plan has taken, drawn by the seed; the same ones each time. */
  readonly who: Who;
  readonly what: What;
  /** Between one node and the next; 0 for all at once. @default 0 */
  readonly staggerMs?: number | undefined;
  readonly again?: { readonly everyMs: number; readonly times: number } | undefined;
}

/** `count` nodes, or a `share` of the fleet (at least one), of one region or of all; nothing means everybody left. */
export interface Who {
  /** Everybody, whatever else happens to them. */
  readonly isAll?: boolean | undefined;
  readonly count?: number | undefined;
  readonly share?: number | undefined;
  readonly region?: string | undefined;
}

/** Without `downMs` for good. */
export type What =
  | {
      readonly type: "crash";
      readonly how: "kill" | "power";
      readonly downMs?: number | undefined;
      readonly isDiskLost?: boolean | undefined;
      readonly pulseEveryMs?: number | undefined;
    }
  | {
      readonly type: "stop";
      readonly mode: "pause" | "leave";
      readonly downMs?: number | undefined;
    }
  | { readonly type: "stall"; readonly forMs: number; readonly isSuspended: boolean }
  /** From all others, or each of them from the others alone. */
  | {
      readonly type: "cut";
      readonly forMs: number;
      readonly isSilent: boolean;
      /** What the chosen ones send is swallowed, and what they are sent arrives. */
      readonly isOneWay: boolean;
      readonly isEach: boolean;
      /** From those alone, drawn without being taken; another region or a share of all others. @default from all others */
      readonly from?: { readonly region?: string; readonly share?: number } | undefined;
      /** With `isOneWay` the other way round: what the chosen ones send arrives, and what they are sent is swallowed. @default false */
      readonly isInward?: boolean | undefined;
    }
  | {
      readonly type: "loss";
      readonly forMs: number;
      readonly direction: "out" | "in";
      readonly share: number;
    }
  | {
      readonly type: "delay";
      readonly forMs: number;
      readonly byMs: number;
      readonly overMs: number;
    }
  /** Their robots give no beat. */
  | { readonly type: "mute"; readonly forMs: number }
  | { readonly type: "step"; readonly byMs: number };
