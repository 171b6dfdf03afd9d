/** What somebody at this node can ask core to do, and the answers. Expected failures are values with a stable code. */
import type { Cut } from "./authority/claims.ts";
import type { NodeId, RobotId } from "./ids.ts";
import type { Json, JsonObject } from "./json.ts";
import type { RobotView } from "./view/robot-view.ts";
import type { Schedule } from "./view/schedule.ts";
import type { Health } from "./view/status.ts";

/** What a beat says (DESIGN §1, rule VE7). `exit` 0 is success, any other exit code is a fail. */
export type BeatKind = "beat" | "start" | "success" | "fail" | "log" | "exit";

/** One beat as a robot gave it. It counts from now, or from its own time when it was spooled (a spooled beat revives nothing). */
export interface BeatCommand {
  readonly type: "beat";
  readonly robot: RobotId;
  readonly kind: BeatKind;
  /** 0 … 255, with kind `exit` only. */
  readonly exitCode?: number | undefined;
  /** Pairs the start and the end of one run. At most 64 characters. */
  readonly runId?: string | undefined;
  /** Kept as diagnostics, cut to {@link BEAT_MESSAGE_BYTES_MAX}. */
  readonly message?: string | undefined;
  /** What the robot says of itself; absent: `success` and `exit` 0 say ok, `fail` and other exit codes failing, the rest nothing. */
  readonly health?: Health | undefined;
  /** The robot's own wall time of a beat that was kept while no node could take it; later than now counts as now. */
  readonly spooledAtWallMs?: number | undefined;
  /** Robot unknown here: `heartbeat` registers with the node's default schedule, `ping` with 1 d / 1 h, `never` answers unknown-robot. */
  readonly create: "heartbeat" | "ping" | "never";
}

export interface PatchStateCommand {
  readonly type: "patch-state";
  readonly robot: RobotId;
  /** RFC 7396 merge patch on the robot's state object; null removes. */
  readonly patch: JsonObject;
  /** Entity tag the caller saw; a different one now answers `precondition-failed`. */
  readonly ifMatch?: string | undefined;
}

/**
 * Registers a robot, or changes its schedule and labels: `run --robot`, config, `robot add|edit`, PUT. A robot that another node hosts is
 * edited in the fleet's record, from which its home takes it over (rule VE7).
 */
export interface RegisterCommand {
  readonly type: "register";
  readonly robot: RobotId;
  readonly schedule: Schedule;
  readonly labels: Readonly<Record<string, string>>;
  readonly floating?: boolean | undefined;
  /**
   * `config`: what this node's flags or config file say. It is applied where it says something else than when this node applied it last, so
   * that a restart undoes nobody's edit (ADR 0013). @default an operator's word, which always counts
   */
  readonly origin?: "config" | undefined;
  /** The record's version that the caller saw; a different one now answers `precondition-failed`. */
  readonly ifVersion?: string | undefined;
  /** Only where the robot is unknown or retired, else `precondition-failed`. */
  readonly ifUnknown?: boolean | undefined;
}

/** Takes a robot out of every list for good (rule CH4); a retired id that beats again is new. */
export interface RetireCommand {
  readonly type: "retire";
  readonly robot: RobotId;
  /** The record's version that the caller saw; a different one now answers `precondition-failed`. */
  readonly ifVersion?: string | undefined;
}

/** Takes a node that is gone out of the roster (rule VE1): a signed fact for the whole fleet. */
export interface RetireNodeCommand {
  readonly type: "retire-node";
  readonly node: NodeId;
  /** Also where this node only does not hear it, and cannot tell whether it lives. */
  readonly isCertain?: boolean | undefined;
}

/** Planned stop (rule VE9): the driver stops the node when the reply comes. `leave` gives status `left`. */
export interface StopCommand {
  readonly type: "stop";
  readonly mode: "pause" | "leave";
  /** With `pause`: how long silence is no fault; default 60 000. */
  readonly restartWithinMs: number;
}

/** Takes a statement of the fleet's authority (rule ME1), whoever hands it over: its signature says who made it. */
export interface StatementCommand {
  readonly type: "statement";
  /** Compact JWS. */
  readonly token: string;
  /** A peer that refuses this node has shown it: taken only where it revokes this node. @default false */
  readonly isProof?: boolean | undefined;
}

/** Takes several that count together, such as a root's row (rule ME2): one by one they would be judged against what stands meanwhile. */
export interface StatementsCommand {
  readonly type: "statements";
  readonly tokens: readonly string[];
}

/** Where the chains of a node end here, and what shall stand for them: for its revocation to name (rule ME1). */
export interface MakeCutsCommand {
  readonly type: "make-cuts";
  readonly node: NodeId;
}

/** Asks the robot's home for its newest word, where this node does not hear it itself (rule PU9); a view has it when the reply comes. */
export interface AskCommand {
  readonly type: "ask";
  readonly robot: RobotId;
}

/** A member that was asked for its newest word, and what came of it. */
export interface Asked {
  readonly node: NodeId;
  /** `busy`: it was not asked, as too many were being asked. */
  readonly outcome: "answered" | "silent" | "busy";
  readonly waitedMs: number;
  /** Of one that is `silent`: whether there was a connection with it meanwhile. */
  readonly isConnected?: boolean | undefined;
}

/**
 * Why nobody was asked: there is no home, it is no member, it is this node, or this node hears it itself; `unheard`: it would hear it itself, and does
 * not, so there is nothing to be asked.
 */
export type NotAsked = "no-home" | "no-member" | "self" | "heard" | "unheard";

export type Command =
  | AskCommand
  | BeatCommand
  | PatchStateCommand
  | RegisterCommand
  | RetireCommand
  | RetireNodeCommand
  | StatementCommand
  | StatementsCommand
  | MakeCutsCommand
  | StopCommand;

/** What was retired, by whom and when by its clock. */
export interface Retirement {
  readonly by: NodeId;
  readonly atWallMs: number;
  /** It had been retired before, and nothing was changed. */
  readonly isOld: boolean;
}

/** Stable codes of refused commands; each maps to one HTTP status in the gateway. */
export type CommandErrorCode =
  | "robot-id-invalid"
  | "robot-unknown"
  | "robot-alive"
  | "peer-unknown"
  | "peer-alive"
  | "peer-uncertain"
  | "robots-max"
  | "robot-not-granted"
  | "beats-too-many"
  | "schedule-invalid"
  | "label-invalid"
  | "state-too-large"
  | "state-too-deep"
  | "state-invalid"
  | "precondition-failed"
  | "statement-malformed"
  | "statement-oversized"
  | "statement-unknown"
  | "fleet-foreign"
  | "signer-unknown"
  | "authority-full"
  | "observer"
  | "twin"
  | "not-ready";

export type CommandResult =
  | {
      readonly ok: true;
      /** The robot was unknown before (HTTP 201 for /ping). */
      readonly created?: boolean | undefined;
      /** After `make-cuts`. */
      readonly cuts?: readonly Cut[] | undefined;
      /** After `retire` and `retire-node`. */
      readonly retired?: Retirement | undefined;
      readonly robot?: RobotView | undefined;
      /** After `ask`: whom it asked; where that is nobody, why. */
      readonly asked?: readonly Asked[] | undefined;
      readonly notAsked?: NotAsked | undefined;
      /** The robot's whole state and its entity tag after a patch. */
      readonly state?: JsonObject | undefined;
      readonly etag?: string | undefined;
    }
  | {
      readonly ok: false;
      readonly code: CommandErrorCode;
      readonly detail: string;
      /** With `beats-too-many`. */
      readonly retryAfterMs?: number | undefined;
      readonly current?: Json | undefined;
    };

/** Diagnostics of one beat kept with the run; longer ones are cut (healthchecks' default body limit). */
export const BEAT_MESSAGE_BYTES_MAX: number = 10_000;
/** Longest run id. */
export const RUN_ID_LENGTH_MAX: number = 64;
/** Beats of one robot a second that are taken one by one; more are coalesced, then refused (rule VE7). */
export const BEATS_PER_SECOND_MAX: number = 10;
/** Beats of one robot a second that are taken at all; the next one answers `beats-too-many`. */
export const BEATS_COALESCED_PER_SECOND_MAX: number = 100;
/** Robots that one node hosts. */
export const ROBOTS_PER_NODE_MAX: number = 10_000;
/** Labels of one robot. */
export const LABELS_MAX: number = 32;
/** Shortest and longest `every` and `grace`. */
export const SCHEDULE_MS_MIN: number = 100;
export const SCHEDULE_MS_MAX: number = 31 * 24 * 3_600_000;
