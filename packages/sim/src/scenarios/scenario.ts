/** A scenario is data: how many nodes, which network, who lies, what happens when. The seed decides the rest. */
import type { CoreConfig } from "@pulsemesh/core";
import type { Fault } from "../faults/fault.ts";
import type { LiarKind } from "../hostile/liars.ts";
import type { NetworkModel } from "../network/network-model.ts";

export interface Scenario {
  readonly name: string;
  readonly nodes: number;
  readonly network: NetworkModel;
  /** The region of each node. @default "eu" and "us" in turn */
  readonly regions?: readonly string[] | undefined;
  readonly config: Partial<CoreConfig>;
  /** When each node starts, in ms. */
  readonly startsMs: readonly number[];
  readonly faults: readonly Fault[];
  readonly liars: readonly { readonly node: number; readonly kind: LiarKind }[];
  /** How long it all takes, in ms. */
  readonly forMs: number;
  /** How often each node takes a beat and a patch of its own robot, in ms. */
  readonly beatEveryMs: number;
  readonly patchEveryMs: number;
  /** How often the checks look, in ms. */
  readonly sampleEveryMs: number;
  /** How many are there from the start, where the others come later one by one. @default all */
  readonly grownFrom?: number | undefined;
  /** When the fleet has come up: what nodes say before is no KPI. @default 0 */
  readonly settledMs?: number | undefined;
  /** From when on bytes are counted, in virtual ms. @default 0 */
  readonly costFromMs?: number | undefined;
  /** Whether the time from the end of each cut to one view and equal documents is measured. @default false */
  readonly measuresHeal?: boolean | undefined;
  /** Whether those that lose or delay what they send are to be shown in trouble, and nobody else is (rule PU7). @default false */
  readonly expectsGray?: boolean | undefined;
  /** What the run leaves out, printed with its result. */
  readonly note?: string | undefined;
  /** Multiplies the time that nodes have to agree; 1 is what the protocol promises. */
  readonly patience: number;
}
