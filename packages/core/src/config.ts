/**
 * The complete, frozen configuration of a core (STYLE rule 27). Defaults are applied here and nowhere else.
 * Every interval-based rule of SPEC is a multiple of `pulseEveryMs`; only what an operator may choose is here.
 */

import { MAY_BE_OFFLINE_MS_MAX } from "./chain/limits.ts";
import type { NodeId } from "./ids.ts";

export interface CoreConfig {
  /** Interval of this node's pulses in ms, 200 … 60 000. @default 1000 */
  readonly pulseEveryMs: number;
  /** How long a verdict waits for objections after the last needed accusation, in ms, 50 … 10 000. @default 300 */
  readonly settleMs: number;
  /** In a roster of two: may the one witness accuse alone (rule VE5). @default "accuse" */
  readonly pair: "accuse" | "unknown";
  /** Never votes, writes nothing, is in no roster. @default false */
  readonly observer: boolean;
  /** Schedule of robots that register by their first heartbeat: period in ms. @default 60000 */
  readonly robotEveryMs: number;
  /** Grace of such robots in ms. @default 0 */
  readonly robotGraceMs: number;
  /** Missed beats of such robots before `down`, 1 … 100. @default 1 */
  readonly robotMissed: number;
  /** How long a registered robot may take to its first beat, in ms. @default 60000 */
  readonly robotStartupMs: number;
  /** Anti-entropy round with a random neighbour, in ms, 1 000 … 600 000. @default 30000 */
  readonly syncEveryMs: number;
  /** Deltas after which an author writes a snapshot, 10 … 1 000. @default 1000 */
  readonly snapshotAfterDeltas: number;
  /** For how long this node may be silent without being down (rule VE9), in ms, 0 … 400 days; 0 for not at all. @default 0 */
  readonly mayBeOfflineMs: number;
  /** Entries of the audit log that are kept, 1 000 … 10 000 000; beyond them the oldest go (rule OFF4). @default 1000000 */
  readonly auditEntriesMax: number;
  /** Statements of the fleet's authority that this node was enrolled with: tokens, in any order. @default [] */
  readonly statements: readonly string[];
  /** The fleet is known to have an authority, though no root statement may be here: then nobody is let in but `vouched`. @default false */
  readonly closed: boolean;
  /** Nodes that the operator named to join by. Where the fleet is closed and no root statement is here, they are let in to bring it. @default [] */
  readonly vouched: readonly NodeId[];
}

const DEFAULTS: CoreConfig = {
  pulseEveryMs: 1_000,
  settleMs: 300,
  pair: "accuse",
  observer: false,
  robotEveryMs: 60_000,
  robotGraceMs: 0,
  robotMissed: 1,
  robotStartupMs: 60_000,
  syncEveryMs: 30_000,
  snapshotAfterDeltas: 1_000,
  mayBeOfflineMs: 0,
  auditEntriesMax: 1_000_000,
  statements: [],
  closed: false,
  vouched: [],
};

const RANGES: { readonly [K in keyof CoreConfig]?: readonly [number, number] } = {
  pulseEveryMs: [200, 60_000],
  settleMs: [50, 10_000],
  robotEveryMs: [100, 31 * 86_400_000],
  robotGraceMs: [0, 31 * 86_400_000],
  robotMissed: [1, 100],
  robotStartupMs: [100, 31 * 86_400_000],
  syncEveryMs: [1_000, 600_000],
  snapshotAfterDeltas: [10, 1_000],
  mayBeOfflineMs: [0, MAY_BE_OFFLINE_MS_MAX],
  auditEntriesMax: [1_000, 10_000_000],
};

/**
 * Completes and freezes a configuration.
 * @throws RangeError "Cannot configure core as '…' must be …" on the first value out of range.
 */
export function coreConfig(options: Partial<CoreConfig> = {}): CoreConfig {
  const config = { ...DEFAULTS, ...options };
  for (const [name, range] of Object.entries(RANGES)) {
    const value = config[name as keyof CoreConfig];
    if (
      typeof value !== "number" ||
      !Number.isFinite(value) ||
      value < range[0] ||
      value > range[1]
    ) {
      throw new RangeError(
        `Cannot configure core as '${name}' must be a number from ${range[0]} to ${range[1]}: current value is ${String(value)}`,
      );
    }
  }
  return Object.freeze(config);
}

/** Everything on one machine: pulses every 500 ms. */
export const localConfig: CoreConfig = coreConfig({ pulseEveryMs: 500 });
/** One site: the defaults. */
export const lanConfig: CoreConfig = coreConfig();
/** Several sites: pulses every 2 s, verdicts settle for 600 ms. */
export const wanConfig: CoreConfig = coreConfig({ pulseEveryMs: 2_000, settleMs: 600 });
