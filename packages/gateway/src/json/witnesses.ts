/** Who sees a node or a robot, by which rule that counts, and what would change it (rule VE10). */
import {
  decidingRobotRule,
  type NodeWitnesses,
  type Opinion,
  type PulseName,
  type RobotView,
  type Status,
  type VerdictView,
  type WitnessView,
} from "@pulsemesh/core";
import { z } from "zod";
import { outageJson, type OutageJson, outageSchema } from "./outage.ts";
import { rfc3339 } from "./rfc3339.ts";
import { type ScheduleJson, scheduleJson, scheduleSchema } from "./robot.ts";
import { robotIdSchema, statusSchema, timeSchema } from "./words.ts";

interface PulseJson {
  readonly boot: number;
  readonly seq: number;
}

interface CountJson {
  readonly have: number;
  readonly need: number;
}

interface WitnessJson {
  readonly node_id: string;
  readonly name: string;
  readonly region: string;
  /** It is the node that answers. */
  readonly self: boolean;
  readonly opinion: Opinion;
  /** The newest pulse that it names. */
  readonly pulse: PulseJson | null;
  readonly age_ms: number | null;
  readonly since: string | null;
}

interface VerdictJson {
  readonly at: string;
  readonly pulse: PulseJson;
  /** Node ids. */
  readonly accusers: readonly string[];
  readonly single_witness: boolean;
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
  readonly status: Status;
  readonly reason: string | null;
  readonly since: string;
  readonly rule: string;
  readonly needed: string;
  readonly members: number;
  readonly in_sight: CountJson;
  readonly accusers: CountJson;
  readonly ups: CountJson | null;
  readonly pulse: PulseJson | null;
  readonly deadline: string | null;
  readonly pulse_every_ms: number | null;
  readonly settle_ms: number;
  /** Null while anything is heard of its region (rule VE4). */
  readonly unreachable: OutageJson | null;
  readonly witnesses: readonly WitnessJson[];
  readonly verdicts: readonly VerdictJson[];
}

export interface RobotWitnessesJson {
  readonly robot_id: string;
  readonly status: Status;
  readonly reason: string | null;
  readonly since: string;
  readonly rule: string;
  /** What the home goes by. */
  readonly word: {
    readonly last_check: string | null;
    readonly age_ms: number | null;
    readonly beats: number;
    readonly running: boolean;
    readonly schedule: ScheduleJson | null;
    /** By the schedule alone, without learned jitter and runs. */
    readonly late_at: string | null;
    readonly down_at: string | null;
  };
  /** Who sees the home; null where it is not known. */
  readonly home: NodeWitnessesJson | null;
}

const countsSchema = z.strictObject({ have: z.int().min(0), need: z.int().min(0) });
const pulseSchema = z.strictObject({ boot: z.int(), seq: z.int() });
const ruleSchema = z.string().describe("The rule of docs/SPEC.md that decides, such as VE3");
const spanSchema = z.int().min(0).nullable();

export const nodeWitnessesSchema: z.ZodType<NodeWitnessesJson> = z.strictObject({
  node_id: z.string(),
  name: z.string(),
  region: z.string(),
  status: statusSchema,
  reason: z.string().nullable(),
  since: timeSchema,
  rule: ruleSchema,
  needed: z.string().describe("What would have to happen for another status, in words"),
  members: z.int().describe("Members that count, this one included"),
  in_sight: countsSchema.describe("Members in sight of the answering node; a majority is needed"),
  accusers: countsSchema.describe("Live accusations by the newest pulse; so many make a verdict"),
  ups: countsSchema
    .nullable()
    .describe("While a verdict stands: witnesses that say up by newer pulses; so many end it"),
  pulse: pulseSchema.nullable().describe("The newest pulse of it that is known to exist"),
  deadline: timeSchema.nullable().describe("When the answering node holds it for silent"),
  pulse_every_ms: spanSchema,
  settle_ms: z.int().min(0).describe("How long a quorum must stand without an objection"),
  unreachable: outageSchema.nullable().describe("While nothing is heard of its region"),
  witnesses: z.array(
    z.strictObject({
      node_id: z.string(),
      name: z.string(),
      region: z.string(),
      self: z.boolean().describe("It is the node that answers: first hand"),
      opinion: z.enum(["hears", "lossy", "accuses", "misses", "silent", "unknown"]),
      pulse: pulseSchema.nullable().describe("The newest pulse that it names"),
      age_ms: spanSchema.describe("How old that word is"),
      since: timeSchema.nullable().describe("Since when it accuses, or is silent itself"),
    }),
  ),
  verdicts: z
    .array(
      z.strictObject({
        at: timeSchema,
        pulse: pulseSchema,
        accusers: z.array(z.string()),
        single_witness: z.boolean(),
        evidence: z.strictObject({
          accusations: z.int(),
          objections: z.int(),
          ups: z.int(),
        }),
        ended: z
          .strictObject({ at: timeSchema, how: z.enum(["restored", "lost", "gone"]) })
          .nullable(),
      }),
    )
    .describe("Of which this node has evidence, the newest first"),
});

export const robotWitnessesSchema: z.ZodType<RobotWitnessesJson> = z.strictObject({
  robot_id: robotIdSchema,
  status: statusSchema,
  reason: z.string().nullable(),
  since: timeSchema,
  rule: ruleSchema,
  word: z
    .strictObject({
      last_check: timeSchema.nullable(),
      age_ms: z.number().min(0).nullable(),
      beats: z.int().min(0),
      running: z.boolean().describe("A run was started and has not ended"),
      schedule: scheduleSchema.nullable(),
      late_at: timeSchema.nullable(),
      down_at: timeSchema.nullable(),
    })
    .describe(
      "What its home goes by; times by the schedule alone, without learned jitter and runs",
    ),
  home: nodeWitnessesSchema.nullable(),
});

export function nodeWitnessesJson(view: NodeWitnesses): NodeWitnessesJson {
  return {
    node_id: view.node,
    name: view.name,
    region: view.region,
    status: view.status,
    reason: view.reason ?? null,
    since: rfc3339(view.sinceWallMs),
    rule: view.rule,
    needed: view.needed,
    members: view.members,
    in_sight: view.inSight,
    accusers: view.accusers,
    ups: view.ups ?? null,
    pulse: pulseJson(view.pulse),
    deadline: rfc3339(view.deadlineWallMs),
    pulse_every_ms: view.pulseEveryMs ?? null,
    settle_ms: view.settleMs,
    unreachable: view.outage === undefined ? null : outageJson(view.outage),
    witnesses: view.witnesses.map(witnessJson),
    verdicts: view.verdicts.map(verdictJson),
  };
}

function pulseJson(pulse: PulseName): PulseJson;
function pulseJson(pulse: PulseName | undefined): PulseJson | null;
function pulseJson(pulse: PulseName | undefined): PulseJson | null {
  return pulse === undefined ? null : { boot: pulse.boot, seq: pulse.seq };
}

function witnessJson(witness: WitnessView): WitnessJson {
  return {
    node_id: witness.node,
    name: witness.name,
    region: witness.region,
    self: witness.isSelf,
    opinion: witness.opinion,
    pulse: pulseJson(witness.pulse),
    age_ms: witness.ageMs === undefined ? null : Math.round(witness.ageMs),
    since: rfc3339(witness.sinceWallMs),
  };
}

function verdictJson({
  atWallMs,
  pulse,
  accusers,
  singleWitness,
  evidence,
  end,
}: VerdictView): VerdictJson {
  return {
    at: rfc3339(atWallMs),
    pulse: pulseJson(pulse),
    accusers,
    single_witness: singleWitness,
    evidence,
    ended: end === undefined ? null : { at: rfc3339(end.atWallMs), how: end.how },
  };
}

export function robotWitnessesJson(
  robot: RobotView,
  home: NodeWitnesses | undefined,
): RobotWitnessesJson {
  const { lateWallMs, downWallMs } = deadlinesOf(robot);
  return {
    robot_id: robot.robot,
    status: robot.status,
    reason: robot.reason ?? null,
    since: rfc3339(robot.sinceWallMs),
    rule: decidingRobotRule(robot.reason),
    word: {
      last_check: rfc3339(robot.lastCheckWallMs),
      age_ms: robot.ageMs ?? null,
      beats: robot.beats,
      running: robot.started,
      schedule: scheduleJson(robot.schedule, robot.dueWallMs),
      late_at: rfc3339(lateWallMs),
      down_at: rfc3339(downWallMs),
    },
    home: home === undefined ? null : nodeWitnessesJson(home),
  };
}

interface Deadlines {
  readonly lateWallMs?: number | undefined;
  readonly downWallMs?: number | undefined;
}

/** Rule VE7, as far as the schedule says it. */
function deadlinesOf({
  schedule,
  status,
  sinceWallMs,
  lastCheckWallMs,
  dueWallMs,
}: RobotView): Deadlines {
  if (schedule === undefined) return {};
  if (status === "new") return { downWallMs: sinceWallMs + schedule.startupMs };
  if (schedule.type === "cron")
    return {
      lateWallMs: dueWallMs,
      downWallMs: dueWallMs === undefined ? undefined : dueWallMs + schedule.graceMs,
    };
  if (lastCheckWallMs === undefined) return {};
  return {
    lateWallMs: lastCheckWallMs + schedule.everyMs,
    downWallMs: lastCheckWallMs + schedule.everyMs * schedule.missed + schedule.graceMs,
  };
}
