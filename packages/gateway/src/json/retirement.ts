/** What a retirement answers: who said so, and when, also where it had been said before. */
import type { FleetView, Retirement } from "@pulsemesh/core";
import { z } from "zod";
import { nodeNames } from "./robot.ts";
import { rfc3339 } from "./rfc3339.ts";
import { timeSchema } from "./words.ts";

export interface RetirementJson {
  /** The robot or node. */
  readonly id: string;
  /** By the clock of who said so. */
  readonly retired_at: string;
  /** Name of the node where it was said; null when it is no member. */
  readonly retired_by: string | null;
  readonly retired_by_id: string;
  /** It had been retired before: nothing was changed. */
  readonly already: boolean;
}

export const retirementSchema: z.ZodType<RetirementJson> = z.strictObject({
  id: z.string().describe("The robot or node"),
  retired_at: timeSchema,
  retired_by: z.string().nullable().describe("Name of the node where it was said"),
  retired_by_id: z.string(),
  already: z.boolean().describe("It had been retired before: nothing was changed"),
});

export function retirementJson(
  id: string,
  { by, atWallMs, isOld }: Retirement,
  fleet: FleetView,
): RetirementJson {
  return {
    id,
    retired_at: rfc3339(atWallMs),
    retired_by: nodeNames(fleet).get(by)?.name ?? null,
    retired_by_id: by,
    already: isOld,
  };
}
