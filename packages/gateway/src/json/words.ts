/** The closed sets of words that several JSON shapes share, as schemas (DESIGN §1). */
import type { Health, RobotId, Status } from "@pulsemesh/core";
import { z } from "zod";

export const statusSchema: z.ZodType<Status> = z
  .enum(["new", "up", "late", "down", "unknown", "paused", "left"])
  .describe("The mesh's verdict");

export const healthSchema: z.ZodType<Health> = z
  .enum(["ok", "degraded", "failing"])
  .describe("What the robot says of itself");

/** The rule CH7 as a pattern, for documentation; {@link isRobotId} decides. */
export const robotIdSchema: z.ZodType<RobotId> = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/)
  .describe("A robot id (rule CH7)");

export const timeSchema: z.ZodType<string> = z.iso.datetime().describe("RFC 3339, UTC");

/** Anything JSON; its size and depth are checked where it is stored, not here. */
export const jsonObjectSchema: z.ZodType<Readonly<Record<string, unknown>>> = z.looseObject({});
