/** How regularly a robot beats, as the API shows it (rule RG8): units are in the names, null is what too few samples leave unsaid. */
import { SCORE_MAX, type RobotRegularity } from "@pulsemesh/core";
import { z } from "zod";
import { rfc3339 } from "./rfc3339.ts";
import { timeSchema } from "./words.ts";

export interface RegularityJson {
  /** `interval`: between two beats. `lateness`: after the due time of a cron line. */
  readonly measures: "interval" | "lateness";
  readonly samples: number;
  readonly usual_ms: number | null;
  readonly newest_ms: number | null;
  readonly jitter_ms: number | null;
  /** To the usual interval. */
  readonly jitter_ratio: number | null;
  readonly drift_ms: number | null;
  readonly drift_ratio: number | null;
  readonly early: number;
  readonly late: number;
  readonly late_allowance_ms: number;
  readonly newest_score: number | null;
  readonly silence_score: number | null;
  readonly as_of: string;
}

const countSchema = z.int().min(0);
const msSchema = z.number();
const scoreSchema = z.number().min(0).max(SCORE_MAX);

export const regularitySchema: z.ZodType<RegularityJson> = z.strictObject({
  measures: z
    .enum(["interval", "lateness"])
    .describe("`interval`: time between two beats; `lateness`: time after the due time (cron)"),
  samples: countSchema.describe("How many of the newest samples the figures are about"),
  usual_ms: msSchema.nullable().describe("Their median"),
  newest_ms: msSchema.nullable(),
  jitter_ms: msSchema
    .min(0)
    .nullable()
    .describe("Half of the samples differ from the usual by no more than this"),
  jitter_ratio: z.number().min(0).nullable().describe("To the usual interval; null for lateness"),
  drift_ms: msSchema
    .nullable()
    .describe("How much more the newest samples are than those long before; negative for less"),
  drift_ratio: z.number().nullable().describe("To the usual interval; null for lateness"),
  early: countSchema.describe("Samples that were early by the schedule"),
  late: countSchema.describe("Samples that were late by the schedule"),
  late_allowance_ms: msSchema.min(0).describe("How much longer than `every` the status stays up"),
  newest_score: scoreSchema
    .nullable()
    .describe(
      "How unusual the newest sample was for this robot: 1 is one in ten; 3 and more is unusual",
    ),
  silence_score: scoreSchema.nullable().describe("The same for the silence that goes on"),
  as_of: timeSchema.describe("When the home worked this out"),
});

export function regularityJson(regularity: RobotRegularity): RegularityJson {
  const { measures, usualMs, jitterMs, driftMs } = regularity;
  const periodMs = measures === "interval" ? usualMs : undefined;
  return {
    measures,
    samples: regularity.samples,
    usual_ms: usualMs ?? null,
    newest_ms: regularity.newestMs ?? null,
    jitter_ms: jitterMs ?? null,
    jitter_ratio: ratio(jitterMs, periodMs),
    drift_ms: driftMs ?? null,
    drift_ratio: ratio(driftMs, periodMs),
    early: regularity.early,
    late: regularity.late,
    late_allowance_ms: regularity.lateAllowanceMs,
    newest_score: tenth(regularity.newestScore),
    silence_score: tenth(regularity.silenceScore),
    as_of: rfc3339(regularity.asOfWallMs),
  };
}

/** To four digits; null where there is nothing to compare with. */
function ratio(valueMs: number | undefined, periodMs: number | undefined): number | null {
  if (valueMs === undefined || periodMs === undefined || periodMs <= 0) return null;
  return Math.round((valueMs / periodMs) * 10_000) / 10_000;
}

function tenth(score: number | undefined): number | null {
  return score === undefined ? null : Math.round(score * 10) / 10;
}
