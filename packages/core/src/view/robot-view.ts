/** One robot as any node of the fleet answers for it. Times are wall milliseconds of the answering node. */
import type { Schedule } from "./schedule.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { RobotRegularity } from "./regularity.ts";
import type { Health, RobotReason, Status } from "./status.ts";

export interface RobotView {
  readonly robot: RobotId;
  readonly status: Status;
  readonly sinceWallMs: number;
  readonly reason: RobotReason | undefined;
  readonly health: Health;
  /** When the newest beat was given, undefined before the first. */
  readonly lastCheckWallMs: number | undefined;
  readonly ageMs: number | undefined;
  /** Beats ever taken. */
  readonly beats: number;
  /** A run that was started and has not ended. */
  readonly started: boolean;
  /** The home node. */
  readonly node: NodeId | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** It is meant to beat at several nodes. */
  readonly floating: boolean;
  readonly schedule: Schedule | undefined;
  /** Next due time of a cron schedule, wall milliseconds of the home. */
  readonly dueWallMs: number | undefined;
  /** How regularly it beats; undefined until its home has said so. */
  readonly regularity: RobotRegularity | undefined;
  readonly state: JsonObject;
  /** Entity tag of `state` (quoted hex). */
  readonly etag: string;
  /** Version of the whole record: changes whenever any field does (hex, 16 characters). */
  readonly version: string;
  readonly witnesses: WitnessCount;
}

/** What the witnesses of the robot's home say, as known here. */
export interface WitnessCount {
  readonly up: number;
  readonly late: number;
  readonly down: number;
  readonly unknown: number;
  readonly of: number;
}
