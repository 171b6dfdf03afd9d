/** What `PUT /api/v1/robots/{id}` takes: the terms of a robot in the words of its JSON, with every default of rule VE7 where nothing is said. */
import {
  LABEL_RULE,
  scheduleFrom,
  type RegisterCommand,
  type RobotId,
  type Schedule,
} from "@pulsemesh/core";
import { z } from "zod";
import { HttpProblem } from "../problem.ts";

const spanMs = z.number();

const scheduleSchema = z.strictObject({
  type: z.enum(["every", "cron"]).optional().describe("Follows from every_ms or cron"),
  every_ms: spanMs.optional().describe("100 ms to 31 days; 60,000 where there is no cron"),
  cron: z.string().optional().describe("A cron line of five fields, instead of every_ms"),
  time_zone: z.string().optional().describe("IANA name, with cron; UTC by default"),
  grace_ms: spanMs.optional().describe("0 to 31 days; 0 by default"),
  missed: z.number().optional().describe("1 to 100; 1 with grace_ms, else 3"),
  startup_ms: spanMs.optional().describe("How long the first beat may take; 60,000 by default"),
  next_due: z.string().nullish().describe("Ignored: GET tells it"),
});

/** The body; a schema for documentation and for reading alike. */
export const registrationSchema: z.ZodType<RegistrationJson> = z.strictObject({
  schedule: scheduleSchema.optional().describe("Every 60 s by default"),
  labels: z.record(z.string(), z.string()).optional().describe("All labels; none by default"),
  floating: z.boolean().optional().describe("It beats at several nodes; false by default"),
});

export interface RegistrationJson {
  readonly schedule?: ScheduleTermsJson | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly floating?: boolean | undefined;
}

export interface ScheduleTermsJson {
  readonly type?: "every" | "cron" | undefined;
  readonly every_ms?: number | undefined;
  readonly cron?: string | undefined;
  readonly time_zone?: string | undefined;
  readonly grace_ms?: number | undefined;
  readonly missed?: number | undefined;
  readonly startup_ms?: number | undefined;
  readonly next_due?: string | null | undefined;
}

/** @throws HttpProblem `request-invalid` naming the first wrong field, `schedule-invalid`, `label-invalid` */
export function registerCommandOf(robot: RobotId, body: unknown): RegisterCommand {
  const read = registrationSchema.safeParse(body);
  if (!read.success) throw new HttpProblem("request-invalid", faultOf(read.error));
  refuseHiddenLabel(body);
  const { schedule = {}, labels = {}, floating = false } = read.data;
  return { type: "register", robot, schedule: completed(schedule), labels, floating };
}

/** The schema passes over a label of this name, so that it could be set without being there. */
function refuseHiddenLabel(body: unknown): void {
  const { labels = {} } = body as { readonly labels?: object };
  if (!Object.hasOwn(labels, "__proto__")) return;
  throw new HttpProblem("label-invalid", `'__proto__' is no label: ${LABEL_RULE}.`);
}

/** Whether a cron line is ever due is for the node to say, which has the calendar. */
function completed(terms: ScheduleTermsJson): Schedule {
  const { type, every_ms, cron, time_zone, grace_ms, missed, startup_ms } = terms;
  const isOther = type === "cron" ? cron === undefined : type === "every" && cron !== undefined;
  if (isOther)
    throw new HttpProblem("schedule-invalid", `The schedule says '${type}' and another kind.`);
  const result = scheduleFrom(
    {
      everyMs: every_ms,
      cron,
      timeZone: time_zone,
      graceMs: grace_ms,
      missed,
      startupMs: startup_ms,
    },
    { nextDueWallMs: () => 0 },
    0,
  );
  if (result.ok) return result.schedule;
  throw new HttpProblem(result.code, `The schedule is wrong: ${result.detail}.`);
}

function faultOf({ issues }: z.ZodError): string {
  const [issue] = issues;
  const path = issue?.path.join(".") ?? "";
  if (issue?.code === "unrecognized_keys") {
    const where = path === "" ? "A registration" : `'${path}'`;
    const known = Object.keys(path === "schedule" ? scheduleSchema.shape : TOP_KEYS);
    return `${where} has no '${issue.keys[0] ?? ""}', but ${known.join(", ")}.`;
  }
  const what = path === "" ? "The body" : `The field '${path}'`;
  return `${what} is wrong: ${issue?.message ?? "unexpected value"}.`;
}

const TOP_KEYS = { schedule: 1, labels: 1, floating: 1 };
