/**
 * A robot as the API shows it. The founding example's names (`robot_id`, `status`, `last_check`) are kept, snake case elsewhere.
 * The interface is what handlers fill in, the schema what `/openapi.json` shows; the compiler holds them together.
 */
import {
  type Asked,
  type NotAsked,
  type FleetView,
  type Health,
  type JsonObject,
  type NodeView,
  type RobotView,
  type Schedule,
  type Status,
} from "@pulsemesh/core";
import { z } from "zod";
import { regularityJson, regularitySchema, type RegularityJson } from "./regularity.ts";
import { rfc3339 } from "./rfc3339.ts";
import {
  healthSchema,
  jsonObjectSchema,
  robotIdSchema,
  statusSchema,
  timeSchema,
} from "./words.ts";

export type ScheduleJson =
  | {
      readonly type: "every";
      readonly every_ms: number;
      readonly grace_ms: number;
      readonly missed: number;
      readonly startup_ms: number;
    }
  | {
      readonly type: "cron";
      readonly cron: string;
      readonly time_zone: string;
      readonly grace_ms: number;
      readonly startup_ms: number;
      /** When the next beat is due, by the home's clock. */
      readonly next_due: string | null;
    };

export interface WitnessesJson {
  readonly up: number;
  readonly late: number;
  readonly down: number;
  readonly unknown: number;
  readonly of: number;
}

export interface RobotJson {
  readonly robot_id: string;
  readonly status: Status;
  readonly since: string;
  readonly reason: string | null;
  readonly health: Health;
  /** When the newest beat was given; null before the first. */
  readonly last_check: string | null;
  readonly age_ms: number | null;
  /** Name of the home node. */
  readonly node: string | null;
  readonly node_id: string | null;
  readonly region: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** It is meant to beat at several nodes. */
  readonly floating: boolean;
  readonly schedule: ScheduleJson | null;
  /** Null until its home has said something of it. */
  readonly regularity: RegularityJson | null;
  readonly version: string;
  readonly witnesses: WitnessesJson;
  readonly state: Readonly<Record<string, unknown>>;
  /** With `ask`: whom the node asked for this. */
  readonly asked?: readonly AskedJson[] | undefined;
  /** With `ask`, where it asked nobody: why. */
  readonly not_asked?: NotAsked | undefined;
}

/** A member that was asked for its newest word. */
interface AskedJson {
  readonly node: string | null;
  readonly node_id: string;
  readonly outcome: "answered" | "silent" | "busy";
  readonly waited_ms: number;
  readonly connected?: boolean | undefined;
}

export interface RobotListJson {
  readonly robots: readonly RobotJson[];
  /** Give it as `after` for the next page; null on the last. */
  readonly next: string | null;
}

const countSchema = z.int().min(0);
const spanMsSchema = z.number().min(0);

export const scheduleSchema: z.ZodType<ScheduleJson> = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("every"),
    every_ms: spanMsSchema,
    grace_ms: spanMsSchema,
    missed: countSchema,
    startup_ms: spanMsSchema,
  }),
  z.object({
    type: z.literal("cron"),
    cron: z.string(),
    time_zone: z.string(),
    grace_ms: spanMsSchema,
    startup_ms: spanMsSchema,
    next_due: timeSchema.nullable(),
  }),
]);

export const robotSchema: z.ZodType<RobotJson> = z.strictObject({
  robot_id: robotIdSchema,
  status: statusSchema,
  since: timeSchema,
  reason: z.string().nullable().describe("Why the status is what it is, when there is more to say"),
  health: healthSchema,
  last_check: timeSchema
    .nullable()
    .describe("When the newest beat was given; null before the first"),
  age_ms: spanMsSchema.nullable(),
  node: z.string().nullable().describe("Name of the home node"),
  node_id: z.string().nullable(),
  region: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  floating: z.boolean().describe("It is meant to beat at several nodes"),
  schedule: scheduleSchema.nullable(),
  regularity: regularitySchema
    .nullable()
    .describe("How regularly it beats, by its own history; null until its home has said so"),
  version: z.string().describe("Changes whenever anything in the record does"),
  witnesses: z.strictObject({
    up: countSchema,
    late: countSchema,
    down: countSchema,
    unknown: countSchema,
    of: countSchema,
  }),
  state: jsonObjectSchema.describe("What the robot, or an operator, wrote: any JSON object"),
  asked: z
    .array(
      z.strictObject({
        node: z.string().nullable().describe("Its name"),
        node_id: z.string(),
        outcome: z
          .enum(["answered", "silent", "busy"])
          .describe("`busy`: not asked, as too many were being asked"),
        waited_ms: spanMsSchema,
        connected: z
          .boolean()
          .optional()
          .describe("Where it is `silent`: whether there was a connection with it"),
      }),
    )
    .optional()
    .describe("With `ask`: whom the node asked"),
  not_asked: z
    .enum(["no-home", "no-member", "self", "heard", "unheard"])
    .optional()
    .describe(
      "With `ask`, where nobody was asked: it has no home, that is no member, is this node, or is heard first hand; `unheard`: it would be, and is not heard",
    ),
});

export const robotListSchema: z.ZodType<RobotListJson> = z.strictObject({
  robots: z.array(robotSchema),
  next: robotIdSchema.nullable().describe("Give it as `after` for the next page; null on the last"),
});

/** Finds a node's name and region for robots; built once per answer. */
export type NodeNames = ReadonlyMap<string, Pick<NodeView, "name" | "region">>;

export function nodeNames(fleet: FleetView): NodeNames {
  const names = new Map<string, Pick<NodeView, "name" | "region">>();
  for (const node of fleet.nodes) names.set(node.node, node);
  return names.set(fleet.self.node, fleet.self);
}

export function robotJson(robot: RobotView, names: NodeNames): RobotJson {
  const home = robot.node === undefined ? undefined : names.get(robot.node);
  return {
    robot_id: robot.robot,
    status: robot.status,
    since: rfc3339(robot.sinceWallMs),
    reason: robot.reason ?? null,
    health: robot.health,
    last_check: rfc3339(robot.lastCheckWallMs),
    age_ms: robot.ageMs ?? null,
    node: home?.name ?? null,
    node_id: robot.node ?? null,
    region: home?.region ?? null,
    labels: robot.labels,
    floating: robot.floating,
    schedule: scheduleJson(robot.schedule, robot.dueWallMs),
    regularity: robot.regularity === undefined ? null : regularityJson(robot.regularity),
    version: robot.version,
    witnesses: witnessesJson(robot),
    state: stateJson(robot.state),
  };
}

/** What came of asking a robot's home. */
export interface AskedHome {
  readonly asked: readonly Asked[];
  readonly notAsked: NotAsked | undefined;
}

/** Whom the node asked, by name, or why nobody. */
export function askedJson(
  { asked, notAsked }: AskedHome,
  names: NodeNames,
): Pick<RobotJson, "asked" | "not_asked"> {
  return {
    asked: asked.map(({ node, outcome, waitedMs, isConnected }) => ({
      node: names.get(node)?.name ?? null,
      node_id: node,
      outcome,
      waited_ms: Math.round(waitedMs),
      connected: isConnected,
    })),
    not_asked: notAsked,
  };
}

function stateJson(state: JsonObject): Readonly<Record<string, unknown>> {
  return state;
}

function witnessesJson({ witnesses }: RobotView): WitnessesJson {
  return {
    up: witnesses.up,
    late: witnesses.late,
    down: witnesses.down,
    unknown: witnesses.unknown,
    of: witnesses.of,
  };
}

export function scheduleJson(
  schedule: Schedule | undefined,
  dueWallMs: number | undefined,
): ScheduleJson | null {
  if (schedule === undefined) return null;
  if (schedule.type === "every") {
    return {
      type: "every",
      every_ms: schedule.everyMs,
      grace_ms: schedule.graceMs,
      missed: schedule.missed,
      startup_ms: schedule.startupMs,
    };
  }
  return {
    type: "cron",
    cron: schedule.line,
    time_zone: schedule.timeZone,
    grace_ms: schedule.graceMs,
    startup_ms: schedule.startupMs,
    next_due: rfc3339(dueWallMs),
  };
}
