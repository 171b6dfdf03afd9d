/** Who sees whom, as the gateway's JSON says it (rules VE10, PU7). */
import type { OutageJson, ScheduleJson, StatusWord } from "./json.ts";

export interface PulseNameJson {
  readonly boot: number;
  readonly seq: number;
}

/** What has been counted, and how much it takes. */
export interface CountJson {
  readonly have: number;
  readonly need: number;
}

/**
 * `hears` its pulses; `lossy`: misses too many; `accuses` it; `misses`: hears others, and it not; `silent`: is not heard itself; `unknown`: does not say.
 */
export type OpinionWord = "hears" | "lossy" | "accuses" | "misses" | "silent" | "unknown";

export interface WitnessJson {
  readonly node_id: string;
  readonly name: string;
  readonly region: string;
  /** It is the node that answers: first hand. */
  readonly self: boolean;
  readonly opinion: OpinionWord;
  /** The newest pulse that it names. */
  readonly pulse: PulseNameJson | null;
  readonly age_ms: number | null;
  /** Since when it accuses, or is silent itself. */
  readonly since: string | null;
}

export interface VerdictJson {
  readonly at: string;
  readonly pulse: PulseNameJson;
  /** Node ids. */
  readonly accusers: readonly string[];
  readonly single_witness: boolean;
  /** Signed words that the answering node keeps of it. */
  readonly evidence: {
    readonly accusations: number;
    readonly objections: number;
    readonly ups: number;
  };
  readonly ended: { readonly at: string; readonly how: "restored" | "lost" | "gone" } | null;
}

export interface NodeWitnessesJson {
  readonly node_id: string;
  readonly name: string;
  readonly region: string;
  readonly status: StatusWord;
  readonly reason: string | null;
  readonly since: string;
  /** The rule of docs/SPEC.md that decides. */
  readonly rule: string;
  /** What would have to happen for another status, in words. */
  readonly needed: string;
  readonly members: number;
  readonly in_sight: CountJson;
  readonly accusers: CountJson;
  /** Null while no verdict stands. */
  readonly ups: CountJson | null;
  readonly pulse: PulseNameJson | null;
  readonly deadline: string | null;
  readonly pulse_every_ms: number | null;
  readonly settle_ms: number;
  /** Null while anything is heard of its region. Left out by earlier releases. */
  readonly unreachable?: OutageJson | null | undefined;
  readonly witnesses: readonly WitnessJson[];
  /** The newest first. */
  readonly verdicts: readonly VerdictJson[];
}

export interface RobotWitnessesJson {
  readonly robot_id: string;
  readonly status: StatusWord;
  readonly reason: string | null;
  readonly since: string;
  readonly rule: string;
  /** What its home goes by. */
  readonly word: {
    readonly last_check: string | null;
    readonly age_ms: number | null;
    readonly beats: number;
    /** A run was started and has not ended. */
    readonly running: boolean;
    readonly schedule: ScheduleJson | null;
    /** By the schedule alone, without learned jitter and runs. */
    readonly late_at: string | null;
    readonly down_at: string | null;
  };
  readonly home: NodeWitnessesJson | null;
}

export type ReachWord = "heard" | "lossy" | "missed" | "unknown";

export interface MatrixJson {
  readonly by: "node";
  readonly nodes: readonly {
    readonly node_id: string;
    readonly name: string;
    readonly region: string;
    readonly status: StatusWord;
  }[];
  /** `from` and `to` are places in `nodes`: how `from` hears `to`. */
  readonly pairs: readonly {
    readonly from: number;
    readonly to: number;
    readonly reach: ReachWord;
    /** Share of pulses missed; known of the answering node's own links alone. */
    readonly loss: number | null;
  }[];
}

export interface RegionMatrixJson {
  readonly by: "region";
  readonly regions: readonly string[];
  readonly pairs: readonly {
    readonly from: string;
    readonly to: string;
    readonly pairs: number;
    readonly heard: number;
    readonly lossy: number;
    readonly missed: number;
    readonly unknown: number;
    readonly worst_loss: number | null;
    /** Since when nothing is heard of `to` in `from`; known of the answering node's own region alone. Left out by earlier releases. */
    readonly unreachable_since?: string | null | undefined;
  }[];
}
